# Semantic FPN on Cityscapes, 40k steps of 512x1024, with a plain ResNet-50.
# Not trained here.
#
# Paper: no row; compare with the others here.
#
# mmseg has this net for 80k steps only: the schedule here is its 40k one, with
# the 512x1024 crops of both. The backbone is the papers' ResNet with
# torchvision's weights; mmseg's ResNetV1c has another stem, which no official
# weights fit.
_base_ = [
    'mmseg::_base_/models/fpn_r50.py',
    'mmseg::_base_/datasets/cityscapes.py',
    'mmseg::_base_/default_runtime.py',
    'mmseg::_base_/schedules/schedule_40k.py',
]

model = dict(
    data_preprocessor=dict(size=(512, 1024)),
    pretrained=None,
    backbone=dict(
        type='ResNet',
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50')))
