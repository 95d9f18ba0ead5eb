# RepVGG-B0 (Ding et al., CVPR 2021) on ImageNet, 120 epochs. Not trained here.
#
# Paper: RepVGG, table 4, RepVGG-B0: 75.14 % top-1.
_base_ = './repvgg_a0_imagenet.py'

model = dict(backbone=dict(arch='B0'))
