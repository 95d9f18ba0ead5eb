# VGG-16 of diverse branch blocks (DBB, Ding et al., CVPR 2021) on CIFAR-10,
# 600 epochs. Not trained here.
#
# Paper: DyRep, table 2, CIFAR-10, DBB: 94.97 % top-1.
#
# Each convolution is a block of 1x1, 1x1-kxk, 1x1-average and kxk, as in the
# code of DyRep's authors; there no norm stands behind a block, and the first
# of 1x1-kxk is no difference from the identity.
_base_ = './plain_vgg16_cifar10.py'

model = dict(backbone=dict(conv_cfg=dict(conv=dict(type='DBBConv2d'))))
