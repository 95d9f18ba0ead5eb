# MobileNetV1 of diverse branch blocks (DBB, Ding et al., CVPR 2021) on
# ImageNet, 90 epochs, as its authors train it. Not trained here.
#
# Paper: DBB, table 2, MobileNet, DBB-Net: 72.88 % top-1.
# Paper: DyRep, table 3, MobileNet, DBB: 72.88 % top-1.
#
# Blocks are the 3x3 of the stem and all depthwise convolutions, these twice as
# wide between 1x1 and 3x3; no norm stands behind a block, which ends in norms
# of its own. plain_mobilenet_imagenet.py says how it is trained.
_base_ = './plain_mobilenet_imagenet.py'

model = dict(backbone=dict(conv_cfg=dict(type='DBBConv2d'), norm_behind=False))

both = dict(lr_mult=2., decay_mult=0.)
optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys={
            'depthwise.conv.norm.bias': both,
            'depthwise.conv.branches.1x1_kxk.first_norm.bias': both,
            'depthwise.conv.branches.1x1_kxk.norm.bias': both,
            'depthwise.conv.branches.1x1_average.norm.bias': both
        }))
