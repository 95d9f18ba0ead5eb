# AlexNet of diverse branch blocks (DBB, Ding et al., CVPR 2021) on ImageNet,
# 120 epochs, as its authors train it. Not trained here.
#
# Paper: DBB, table 2, AlexNet, DBB-Net: 59.19 % top-1.
#
# Blocks are the 5x5 and the 3x3 convolutions, the 11x11 stays plain; no norm
# stands behind a block, which ends in norms of its own.
# plain_alexnet_imagenet.py says how it is trained.
_base_ = './plain_alexnet_imagenet.py'

model = dict(backbone=dict(conv_cfg=dict(type='DBBConv2d'), norm_behind=False))
