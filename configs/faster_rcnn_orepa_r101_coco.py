# Faster R-CNN on COCO 2017, 12 epochs, of OREPA (Hu et al., CVPR 2022) with
# ResNet-101, which the paper trains on ImageNet only. Not trained here.
#
# See faster_rcnn_orepa_r50_coco.py for where the weights come from.
_base_ = './faster_rcnn_orepa_r50_coco.py'

model = dict(
    backbone=dict(
        depth=101,
        init_cfg=dict(type='Pretrained',
                      checkpoint='torchvision://resnet101')))
