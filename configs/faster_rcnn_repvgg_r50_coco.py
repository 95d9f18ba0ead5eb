# Faster R-CNN on COCO 2017, 12 epochs, every 3x3 of its ResNet-50 a RepVGG
# block (Ding et al., CVPR 2021). The paper has no such row: it is here to be
# compared with the others. Not trained here.
#
# The backbone starts from torchvision's plain ResNet-50, as in the base, and
# then computes the same function at step 0.
_base_ = 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(backbone=dict(type='RepVGGResNet'))
