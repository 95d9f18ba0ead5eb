# Plain ResNet-101 on ImageNet, 120 epochs. Not trained here.
#
# Paper: OREPA, table 4, ResNet-101, None: 77.71 % top-1.
_base_ = './plain_r18_imagenet.py'

model = dict(backbone=dict(depth=101), head=dict(in_channels=2048))
