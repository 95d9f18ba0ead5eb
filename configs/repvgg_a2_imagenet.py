# RepVGG-A2 (Ding et al., CVPR 2021) on ImageNet, 120 epochs. Not trained here.
#
# Paper: RepVGG, table 4, RepVGG-A2: 76.48 % top-1.
_base_ = './repvgg_a0_imagenet.py'

model = dict(backbone=dict(arch='A2'), head=dict(in_channels=1408))
