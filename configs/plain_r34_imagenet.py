# Plain ResNet-34 on ImageNet, 120 epochs. Not trained here.
#
# Paper: OREPA, table 4, ResNet-34, None: 74.13 % top-1.
#
# DyRep's paper reports 73.31 % for it, with the settings of
# dyrep_r34_imagenet.py.
_base_ = './plain_r18_imagenet.py'

model = dict(backbone=dict(depth=34))
