# PSPNet on Cityscapes, 40k steps of 512x1024, whose backbone evolves while it
# trains (Huang et al., DyRep, CVPR 2022, table 5, "D"): from plain ImageNet
# weights the paper reports 78.09 mIoU (77.85 without DyRep). Not trained here.
#
# The paper does not say how a segmentor is trained nor how often it evolves.
# The schedule is the base's, to which mmseg's model zoo gives 77.85, too; the
# events are the hook's default, 20 in the first five sixths of the training.
# Its metric is the hook's, snip: the norms train here, so the paper's synflow
# would be zero. The backbone is the paper's ResNet-50 with torchvision's
# weights; the base's ResNetV1c has another stem.
_base_ = 'mmseg::pspnet/pspnet_r50-d8_4xb2-40k_cityscapes-512x1024.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(
    pretrained=None,
    backbone=dict(
        type='ResNet',
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50')))

custom_hooks = [dict(type='DyRepHook')]
