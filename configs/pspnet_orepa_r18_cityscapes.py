# PSPNet on Cityscapes, 40k steps of 512x1024, with a ResNet-18 of OREPA blocks
# (Hu et al., CVPR 2022). Not trained here.
#
# Paper: no row; compare with the others here.
#
# pspnet_orepa_r50_cityscapes.py says more.
_base_ = './pspnet_plain_r18_cityscapes.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(backbone=dict(type='OREPAResNet'))

optim_wrapper = dict(
    constructor='GroupedOptimWrapperConstructor',
    paramwise_cfg=dict(custom_keys={'backbone.conv1': dict(lr_mult=0.1)}))
