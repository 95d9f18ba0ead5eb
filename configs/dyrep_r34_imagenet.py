# ResNet-34 that evolves while it trains (DyRep, Huang et al., CVPR 2022) on
# ImageNet, 120 epochs. Not trained here.
#
# Paper: DyRep, table 3, ResNet-34, DyRep: 74.68 % top-1.
_base_ = './dyrep_r18_imagenet.py'

model = dict(backbone=dict(depth=34))
