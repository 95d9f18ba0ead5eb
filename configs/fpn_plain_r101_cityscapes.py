# Semantic FPN on Cityscapes, 40k steps of 512x1024, with a plain ResNet-101.
# Not trained here.
#
# Paper: no row; compare with the others here.
_base_ = './fpn_plain_r50_cityscapes.py'

model = dict(
    backbone=dict(
        depth=101, init_cfg=dict(checkpoint='torchvision://resnet101')))
