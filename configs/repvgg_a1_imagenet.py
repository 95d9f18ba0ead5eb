# RepVGG-A1 (Ding et al., CVPR 2021) on ImageNet, 120 epochs. Not trained here.
#
# Paper: RepVGG, table 4, RepVGG-A1: 74.46 % top-1.
_base_ = './repvgg_a0_imagenet.py'

model = dict(backbone=dict(arch='A1'))
