# RepVGG-B3 (Ding et al., CVPR 2021) on ImageNet, 200 epochs. Not trained here.
#
# Paper: RepVGG, table 5, RepVGG-B3: 80.52 % top-1.
#
# The paper's settings for B3 and its grouped forms: those of
# repvgg_a0_imagenet.py with 200 epochs, 5 of them warm-up, label smoothing,
# mixup and AutoAugment. The paper does not name the strengths of smoothing
# (0.1) and mixup (0.2), which are those of the authors' code. The warm-up
# starts at a thousandth; that code's starts at zero, which LinearLR refuses.
_base_ = 'mmpretrain::repvgg/repvgg-B3_8xb32_in1k.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(
    backbone=dict(
        _delete_=True, type='RepVGGBackbone', arch='B3', out_indices=(3, )),
    head=dict(init_cfg=None))

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=224, backend='pillow'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(
        type='AutoAugment',
        policies='imagenet',
        # the mean colour, blue first
        hparams=dict(pad_val=[104, 116, 124])),
    dict(type='PackInputs')
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

optim_wrapper = dict(
    constructor='GroupedOptimWrapperConstructor',
    paramwise_cfg=dict(
        _delete_=True,
        norm_decay_mult=0.,
        bias_decay_mult=0.,
        custom_keys={'identity.norm.weight': dict(decay_mult=1.)}))
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.001,
        by_epoch=True,
        end=5,
        convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        T_max=195,
        by_epoch=True,
        begin=5,
        end=200,
        convert_to_iter_based=True)
]
