# ResNet-18 that evolves while it trains (DyRep, Huang et al., CVPR 2022) on
# ImageNet, 120 epochs. Not trained here.
#
# Paper: DyRep, table 3, ResNet-18, DyRep: 71.58 % top-1.
#
# DyRep's paper trains as DBB's: batches of 8 x 32, SGD with momentum 0.9,
# weight decay 1e-4, a cosine from 0.1, colour jitter of the strength in the
# authors' code. An event comes every 5 epochs up to the 100th. The metric is
# the hook's, snip: the norms train, so the paper's synflow would be zero up to
# rounding.
_base_ = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=224),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='ColorJitter', brightness=0.06, contrast=0.06, saturation=0.06),
    dict(type='PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

train_cfg = dict(max_epochs=120)
param_scheduler = dict(
    _delete_=True,
    type='CosineAnnealingLR',
    T_max=120,
    by_epoch=True,
    convert_to_iter_based=True)

custom_hooks = [dict(type='DyRepHook', interval=5, stop=100)]
