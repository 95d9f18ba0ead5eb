# RetinaNet with FPN on COCO 2017, 12 epochs, with a ResNet-50 that evolved on
# ImageNet and goes on (DyRep, Huang et al., CVPR 2022). Not trained here.
#
# Paper: no row; compare with the others here.
#
# faster_rcnn_dyrep_r50_coco_cd.py says where its checkpoint comes from.
_base_ = './retinanet_dyrep_r50_coco.py'

init_cfg = dict(
    checkpoint='checkpoints/dyrep_r50_imagenet.pth', prefix='backbone.')
model = dict(backbone=dict(init_cfg=init_cfg))
