# Faster R-CNN with FPN on COCO 2017, 12 epochs, with a ResNet-50 that evolved
# on ImageNet and goes on (DyRep, Huang et al., CVPR 2022). Not trained here.
#
# Paper: DyRep, table 5, ResNet-50, DyRep, C+D, COCO: 38.1 AP.
#
# You bring the checkpoint: that of a training with dyrep_r50_imagenet.py or
# the authors', converted by
#
#   mkdir -p checkpoints
#   python tools/convert_checkpoint.py AUTHORS_CHECKPOINT \
#       checkpoints/dyrep_r50_imagenet.pth --target classifier
#
# If it is elsewhere, say where with
#
#   --cfg-options model.backbone.init_cfg.checkpoint=PATH
_base_ = './faster_rcnn_dyrep_r50_coco.py'

init_cfg = dict(
    checkpoint='checkpoints/dyrep_r50_imagenet.pth', prefix='backbone.')
model = dict(backbone=dict(init_cfg=init_cfg))
