# The same from a backbone that evolved on ImageNet already, ours, too; see
# faster_rcnn_dyrep_r50_coco_cd.py for its checkpoint. Not trained here.
_base_ = './fpn_dyrep_r50_cityscapes.py'
init_cfg = dict(
    checkpoint='checkpoints/resnet50_dyrep_imagenet.pth', prefix='backbone.')
model = dict(backbone=dict(init_cfg=init_cfg))
