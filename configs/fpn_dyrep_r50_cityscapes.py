# Semantic FPN on Cityscapes, 80k steps of 512x1024, whose backbone evolves
# while it trains (DyRep, Huang et al., CVPR 2022). The paper's FPN is a
# detector, on COCO (faster_rcnn_dyrep_r50_coco.py): this is ours, with what
# pspnet_dyrep_r50_cityscapes.py says of the events. Not trained here.
_base_ = 'mmseg::sem_fpn/fpn_r50_4xb2-80k_cityscapes-512x1024.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(
    pretrained=None,
    backbone=dict(
        type='ResNet',
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50')))

custom_hooks = [dict(type='DyRepHook')]
