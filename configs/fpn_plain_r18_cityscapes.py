# Semantic FPN on Cityscapes, 40k steps of 512x1024, with a plain ResNet-18.
# Not trained here.
#
# Paper: no row; compare with the others here.
_base_ = './fpn_plain_r50_cityscapes.py'

model = dict(
    backbone=dict(
        depth=18, init_cfg=dict(checkpoint='torchvision://resnet18')),
    neck=dict(in_channels=[64, 128, 256, 512]))
