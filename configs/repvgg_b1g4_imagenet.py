# RepVGG-B1g4 (Ding et al., CVPR 2021) on ImageNet, 120 epochs. Not trained
# here.
#
# Paper: RepVGG, table 4, RepVGG-B1g4: 77.58 % top-1.
_base_ = './repvgg_a0_imagenet.py'

model = dict(backbone=dict(arch='B1g4'), head=dict(in_channels=2048))
