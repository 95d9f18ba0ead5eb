# Faster R-CNN with FPN on COCO 2017, 12 epochs, with a ResNet-50 of diverse
# branch blocks that were on ImageNet already (DBB, Ding et al., CVPR 2021).
# Not trained here.
#
# Paper: DyRep, table 5, ResNet-50, DBB, C, COCO: 37.8 AP.
#
# You bring the checkpoint: that of a training with dbb_r50_imagenet_own.py or
# the authors', converted by
#
#   mkdir -p checkpoints
#   python tools/convert_checkpoint.py AUTHORS_CHECKPOINT \
#       checkpoints/dbb_r50_imagenet_own.pth --target classifier
#
# If it is elsewhere, say where with
#
#   --cfg-options model.backbone.init_cfg.checkpoint=PATH
_base_ = './faster_rcnn_dbb_r50_coco.py'

init_cfg = dict(
    checkpoint='checkpoints/dbb_r50_imagenet_own.pth', prefix='backbone.')
model = dict(backbone=dict(norm_behind=False, init_cfg=init_cfg))
