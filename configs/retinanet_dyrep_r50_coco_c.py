# RetinaNet with FPN on COCO 2017, 12 epochs, with a ResNet-50 that evolved on
# ImageNet and stays as it is then (DyRep, Huang et al., CVPR 2022). Not
# trained here.
#
# Paper: no row; compare with the others here.
#
# faster_rcnn_dyrep_r50_coco_cd.py says where its checkpoint comes from.
_base_ = './retinanet_plain_r50_coco.py'
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
