# VGG-16 of diverse branch blocks (DBB, Ding et al., CVPR 2021) on CIFAR-100,
# 600 epochs. Not trained here.
#
# Paper: DyRep, table 2, CIFAR-100, DBB: 74.04 % top-1.
_base_ = './plain_vgg16_cifar100.py'

model = dict(backbone=dict(conv_cfg=dict(conv=dict(type='DBBConv2d'))))
