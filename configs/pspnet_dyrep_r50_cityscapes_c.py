# PSPNet on Cityscapes, 40k steps of 512x1024, with a ResNet-50 that evolved on
# ImageNet and stays as it is then (DyRep, Huang et al., CVPR 2022). Not
# trained here.
#
# Paper: DyRep, table 5, ResNet-50, DyRep, C, Cityscapes: 78.32 mIoU.
#
# faster_rcnn_dyrep_r50_coco_cd.py says where its checkpoint comes from.
_base_ = './pspnet_plain_r50_cityscapes.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(
    backbone=dict(
        _delete_=True,
        type='Restructured',
        model=_base_.model.backbone,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='checkpoints/dyrep_r50_imagenet.pth',
            prefix='backbone.')))
