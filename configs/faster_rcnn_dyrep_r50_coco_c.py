# Faster R-CNN with FPN on COCO 2017, 12 epochs, with a ResNet-50 that evolved
# on ImageNet and stays as it is then (DyRep, Huang et al., CVPR 2022). Not
# trained here.
#
# Paper: DyRep, table 5, ResNet-50, DyRep, C, COCO: 38.0 AP.
#
# You bring the checkpoint, as faster_rcnn_dyrep_r50_coco_cd.py says; the
# branches are those of its weights.
_base_ = './faster_rcnn_plain_r50_coco.py'
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
