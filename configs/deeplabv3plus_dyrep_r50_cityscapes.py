# DeepLabV3+ on Cityscapes, 40k steps of 512x1024, whose backbone evolves while
# it trains (DyRep, Huang et al., CVPR 2022). The paper has no DeepLab: this is
# ours, with what pspnet_dyrep_r50_cityscapes.py says of the events. Not
# trained here.
_base_ = [
    'mmseg::deeplabv3plus/'
    'deeplabv3plus_r50-d8_4xb2-40k_cityscapes-512x1024.py'
]
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(
    pretrained=None,
    backbone=dict(
        type='ResNet',
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50')))

custom_hooks = [dict(type='DyRepHook')]
