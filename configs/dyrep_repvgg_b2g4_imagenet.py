# RepVGG-B2g4 that evolves while it trains (DyRep, Huang et al., CVPR 2022) on
# ImageNet, 200 epochs. Not trained here.
#
# Paper: DyRep, table 4, DyRep-B2g4: 80.12 % top-1.
#
# As dyrep_repvgg_a2_imagenet.py, but for 200 epochs, 5 of them warm-up from
# 1e-6, label smoothing of 0.1, RandAugment and random erasing, as in the
# settings with the authors' code; the paper says AutoAugment and label
# smoothing. The last event is at the 100th epoch there, too. RandAugment's
# operations and strengths are theirs but for four that mmpretrain lacks
# (distort, zoom, blur, skew); their warm-up rises once an epoch. Plain
# RepVGG-B2g4 has 79.38 %.
_base_ = './dyrep_repvgg_a2_imagenet.py'

model = dict(
    backbone=dict(arch='B2g4'),
    head=dict(
        in_channels=2560,
        loss=dict(
            _delete_=True,
            type='LabelSmoothLoss',
            label_smooth_val=0.1,
            mode='original')))

mean, std = [103.53, 116.28, 123.675], [57.375, 57.12, 58.395]  # blue first
factor = dict(magnitude_range=(-0.9, 0.9), random_negative_prob=0.)
operations = [
    dict(type='AutoContrast'),
    dict(type='Equalize'),
    dict(type='Invert'),
    dict(type='Rotate', interpolation='bicubic', magnitude_range=(0, 30)),
    dict(type='Posterize', magnitude_range=(0, 4)),
    dict(type='Solarize', magnitude_range=(0, 256)),
    dict(type='SolarizeAdd', magnitude_range=(0, 110)),
    dict(type='ColorTransform', **factor),
    dict(type='Contrast', **factor),
    dict(type='Brightness', **factor),
    dict(type='Sharpness', **factor),
    dict(type='Shear', direction='horizontal', magnitude_range=(0, 0.3)),
    dict(type='Shear', direction='vertical', magnitude_range=(0, 0.3)),
    dict(type='Translate', direction='horizontal', magnitude_range=(0, 0.45)),
    dict(type='Translate', direction='vertical', magnitude_range=(0, 0.45)),
]
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=224, backend='pillow'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(
        type='RandAugment',
        policies=operations,
        num_policies=2,
        magnitude_level=9,
        magnitude_std=0.5,
        hparams=dict(pad_val=[104, 116, 124], interpolation='bilinear')),
    dict(
        type='RandomErasing',
        erase_prob=0.2,
        mode='rand',
        max_area_ratio=1 / 3,
        fill_color=mean,
        fill_std=std),
    dict(type='PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

train_cfg = dict(max_epochs=200)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-5,
        by_epoch=True,
        end=5,
        convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        T_max=195,
        eta_min=1e-7,
        by_epoch=True,
        begin=5,
        end=200,
        convert_to_iter_based=True)
]
