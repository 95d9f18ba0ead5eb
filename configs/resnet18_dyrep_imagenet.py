# ResNet-18 on ImageNet, 120 epochs, which evolves while it trains (Huang et
# al., DyRep, CVPR 2022, table 3): the paper reports 71.58 % (69.54 % plain,
# 70.99 % with DBB). Not trained here.
#
# Batches of 8 x 32, SGD with momentum 0.9, weight decay 1e-4, a cosine from
# 0.1, colour jitter of the strength in the authors' code, an event every 5
# epochs up to the 100th. The metric is the hook's, snip: the norms train, so
# the paper's synflow would be zero up to rounding.
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
