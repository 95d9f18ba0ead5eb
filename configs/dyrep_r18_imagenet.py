# ResNet-18 that evolves while it trains (DyRep, Huang et al., CVPR 2022) on
# ImageNet, 120 epochs. Not trained here.
#
# Paper: DyRep, table 3, ResNet-18, DyRep: 71.58 % top-1.
#
# The settings are those of the authors' code: batches of 8 x 32, SGD with
# nesterov momentum 0.9, weight decay 1e-4 on all but norms and biases, a
# cosine from 0.1 to 1e-7, a little colour jitter; all gammas begin at 1 and
# the classifier as PyTorch makes it. An event comes every 5 epochs up to the
# 100th, with statistics of new norms from 20 batches. The metric is the
# hook's, snip: the norms train, so the paper's synflow would say nothing of
# the kernels (docs/dyrep.md).
#
# The DBB of the same table is trained so, too: take this file's settings and
# the backbone of dbb_r18_imagenet.py.
_base_ = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(backbone=dict(zero_init_residual=False), head=dict(init_cfg=None))

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=224),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='ColorJitter', brightness=0.06, contrast=0.06, saturation=0.06),
    dict(type='PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

optim_wrapper = dict(
    constructor='GroupedOptimWrapperConstructor',
    optimizer=dict(nesterov=True),
    paramwise_cfg=dict(norm_decay_mult=0., bias_decay_mult=0.))

train_cfg = dict(max_epochs=120)
param_scheduler = dict(
    _delete_=True,
    type='CosineAnnealingLR',
    T_max=120,
    eta_min=1e-7,
    by_epoch=True,
    convert_to_iter_based=True)

custom_hooks = [
    dict(type='DyRepHook', interval=5, stop=100, calibration_batches=20)
]
