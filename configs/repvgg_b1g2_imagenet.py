# RepVGG-B1g2 (Ding et al., CVPR 2021) on ImageNet, 120 epochs. Not trained
# here.
#
# Paper: RepVGG, table 4, RepVGG-B1g2: 77.78 % top-1.
_base_ = './repvgg_a0_imagenet.py'

model = dict(backbone=dict(arch='B1g2'), head=dict(in_channels=2048))
