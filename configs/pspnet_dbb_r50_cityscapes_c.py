# PSPNet on Cityscapes, 40k steps of 512x1024, with a ResNet-50 of diverse
# branch blocks that were on ImageNet already (DBB, Ding et al., CVPR 2021).
# Not trained here.
#
# Paper: DyRep, table 5, ResNet-50, DBB, C, Cityscapes: 78.18 mIoU.
#
# faster_rcnn_dbb_r50_coco_c.py says where its checkpoint comes from.
_base_ = './pspnet_dbb_r50_cityscapes.py'

init_cfg = dict(
    checkpoint='checkpoints/dbb_r50_imagenet_own.pth', prefix='backbone.')
model = dict(backbone=dict(norm_behind=False, init_cfg=init_cfg))
