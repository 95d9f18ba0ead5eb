# PSPNet on Cityscapes, 40k steps of 512x1024, with a plain ResNet-50. Not
# trained here.
#
# Paper: OREPA, table 5, PSPNet, None: 74.47 mIoU.
# Paper: DyRep, table 5, ResNet-50, no Rep, Cityscapes: 77.85 mIoU.
#
# The backbone is the papers' ResNet with torchvision's weights; the base's
# ResNetV1c has another stem, which no official weights fit.
_base_ = 'mmseg::pspnet/pspnet_r50-d8_4xb2-40k_cityscapes-512x1024.py'

model = dict(
    pretrained=None,
    backbone=dict(
        type='ResNet',
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50')))
