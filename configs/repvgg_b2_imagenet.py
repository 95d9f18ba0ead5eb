# RepVGG-B2 (Ding et al., CVPR 2021) on ImageNet, 120 epochs. Not trained here.
#
# Paper: RepVGG, table 4, RepVGG-B2: 78.78 % top-1.
_base_ = './repvgg_a0_imagenet.py'

model = dict(backbone=dict(arch='B2'), head=dict(in_channels=2560))
