# RetinaNet with FPN on COCO 2017, 12 epochs, with a ResNet-101 of OREPA blocks
# (Hu et al., CVPR 2022). Not trained here.
#
# Paper: no row; compare with the others here.
#
# retinanet_orepa_r50_coco.py says more.
_base_ = './retinanet_plain_r101_coco.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(backbone=dict(type='OREPAResNet'))

optim_wrapper = dict(
    constructor='GroupedOptimWrapperConstructor',
    paramwise_cfg=dict(custom_keys={'backbone.conv1': dict(lr_mult=0.1)}))
