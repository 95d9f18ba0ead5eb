# Faster R-CNN with FPN on COCO 2017, 12 epochs, with a plain ResNet-18. Not
# trained here.
#
# Paper: no row; compare with the others here.
_base_ = './faster_rcnn_plain_r50_coco.py'

model = dict(
    backbone=dict(
        depth=18, init_cfg=dict(checkpoint='torchvision://resnet18')),
    neck=dict(in_channels=[64, 128, 256, 512]))
