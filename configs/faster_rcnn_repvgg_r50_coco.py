# Faster R-CNN with FPN on COCO 2017, 12 epochs, with a ResNet-50 every 3x3 of
# which is a RepVGG block (Ding et al., CVPR 2021). Not trained here.
#
# Paper: no row; compare with the others here.
#
# It starts from torchvision's plain ResNet-50 and computes the same function
# at step 0. The paper reports on a ResNet-50 like this in section 4.2, on
# ImageNet: it gained 0.03 %.
_base_ = './faster_rcnn_plain_r50_coco.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(backbone=dict(type='RepVGGResNet'))
