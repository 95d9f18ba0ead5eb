# Faster R-CNN on COCO 2017, 12 epochs, with DBB (Ding et al., CVPR 2021): the
# row "Faster R-CNN, DBB" of the table of detectors with ResNet-50 in OREPA's
# paper (Hu et al., CVPR 2022), which reports 36.5 AP (36.5 with a plain
# ResNet-50). Not trained here.
#
# The paper starts from a DBB-ResNet-50 trained on ImageNet. Give one as
#   --cfg-options model.backbone.init_cfg.checkpoint=PATH
# Without it the backbone starts from torchvision's plain ResNet-50, as in the
# base: DBBResNet then computes the same function at step 0.
_base_ = 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(backbone=dict(type='DBBResNet'))
