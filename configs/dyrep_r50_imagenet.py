# ResNet-50 that evolves while it trains (DyRep, Huang et al., CVPR 2022) on
# ImageNet, 120 epochs. Not trained here.
#
# Paper: DyRep, table 3, ResNet-50, DyRep: 77.08 % top-1.
_base_ = './dyrep_r18_imagenet.py'

model = dict(backbone=dict(depth=50), head=dict(in_channels=2048))
