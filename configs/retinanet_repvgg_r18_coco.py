# RetinaNet with FPN on COCO 2017, 12 epochs, with a ResNet-18 every 3x3 of
# which is a RepVGG block (Ding et al., CVPR 2021). Not trained here.
#
# Paper: no row; compare with the others here.
#
# retinanet_repvgg_r50_coco.py says more.
_base_ = './retinanet_plain_r18_coco.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(backbone=dict(type='RepVGGResNet'))
