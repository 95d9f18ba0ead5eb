# PSPNet on Cityscapes, 40k steps of 512x1024, of OREPA (Hu et al., CVPR 2022):
# the row "PSPNet, OREPA" of its table of segmentors with ResNet-50, where the
# paper reports 75.47 mIoU (74.47 with a plain ResNet-50). Not trained here.
#
# The paper starts from an OREPA-ResNet-50 trained on ImageNet. Give one as
#   --cfg-options model.backbone.init_cfg.checkpoint=PATH
# Without it the backbone starts from torchvision's plain ResNet-50, and
# OREPAResNet then computes the same function at step 0. Both have the 7x7
# stem, the base's ResNetV1c has not: its weights do not fit.
_base_ = 'mmseg::pspnet/pspnet_r50-d8_4xb2-40k_cityscapes-512x1024.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(
    pretrained=None,
    backbone=dict(
        type='OREPAResNet',
        deep_stem=False,
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50')))
