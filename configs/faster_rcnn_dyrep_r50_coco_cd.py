# The same from a backbone that evolved on ImageNet already (table 5, "C+D"):
# the paper reports 38.1 mAP, 38.0 where it stays as it is ("C"). Not trained
# here.
#
# You bring the checkpoint: that of a training with resnet50_dyrep_imagenet.py
# or the authors', converted by
#   python tools/convert_checkpoint.py AUTHORS_CHECKPOINT \
#       checkpoints/resnet50_dyrep_imagenet.pth --target classifier
# If it is elsewhere, say where with
#   --cfg-options model.backbone.init_cfg.checkpoint=PATH
_base_ = './faster_rcnn_dyrep_r50_coco.py'
init_cfg = dict(
    checkpoint='checkpoints/resnet50_dyrep_imagenet.pth', prefix='backbone.')
model = dict(backbone=dict(init_cfg=init_cfg))
