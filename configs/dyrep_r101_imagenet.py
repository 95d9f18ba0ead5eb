# ResNet-101 that evolves while it trains (DyRep, Huang et al., CVPR 2022) on
# ImageNet, 120 epochs. Not trained here.
#
# Paper: no row; compare with the others here.
_base_ = './dyrep_r18_imagenet.py'

model = dict(backbone=dict(depth=101), head=dict(in_channels=2048))
