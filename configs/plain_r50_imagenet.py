# Plain ResNet-50 on ImageNet, 120 epochs. Not trained here.
#
# Paper: OREPA, table 4, ResNet-50, None: 76.70 % top-1.
#
# DyRep's paper reports 76.14 % for it, with the settings of
# dyrep_r50_imagenet.py.
_base_ = './plain_r18_imagenet.py'

model = dict(backbone=dict(depth=50), head=dict(in_channels=2048))
