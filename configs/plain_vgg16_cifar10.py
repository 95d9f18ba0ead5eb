# Plain VGG-16 on CIFAR-10, 600 epochs. Not trained here.
#
# Paper: DyRep, table 2, CIFAR-10, Origin: 94.68 % top-1.
#
# The settings are those of the authors' code: batches of 128 on one device,
# SGD with momentum 0.9 and no nesterov, weight decay 1e-4 on everything, a
# cosine from 0.1 to 1e-6, crops, flips, and a square of 16 cut out of each
# image. Its VGG-16 has no biases in front of norms and one hidden layer of
# 512, with which it has the 15.0 M parameters of the table; linear layers
# begin uniform, by what goes out of them, biases at 0.
#
# The host's square differs a little: one around a point near the left or upper
# edge keeps its size, where the authors' loses what would lie outside, and its
# colour is the mean, rounded.
_base_ = [
    'mmpretrain::_base_/datasets/cifar10_bs16.py',
    'mmpretrain::_base_/schedules/cifar10_bs128.py',
    'mmpretrain::_base_/default_runtime.py',
]
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

head_init = dict(
    type='Uniform',
    layer='Linear',
    a=-512**-0.5,
    b=512**-0.5,
    override=dict(type='Uniform', name='fc', a=-10**-0.5, b=10**-0.5))
model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='VGG',
        depth=16,
        conv_cfg=dict(type='WithoutBias'),
        norm_cfg=dict(type='BN')),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='StackedLinearClsHead',
        num_classes=10,
        in_channels=512,
        mid_channels=[512],
        init_cfg=head_init,
        loss=dict(type='CrossEntropyLoss')))

data_preprocessor = dict(
    mean=[125.307, 122.950, 113.865], std=[62.993, 62.089, 66.705])
train_pipeline = [
    dict(type='RandomCrop', crop_size=32, padding=4),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='Cutout', shape=16, pad_val=(125, 123, 114), prob=1.0),
    dict(type='PackInputs'),
]
train_dataloader = dict(batch_size=128, dataset=dict(pipeline=train_pipeline))

train_cfg = dict(max_epochs=600)
param_scheduler = dict(
    _delete_=True,
    type='CosineAnnealingLR',
    T_max=600,
    eta_min=1e-6,
    by_epoch=True,
    convert_to_iter_based=True)
default_hooks = dict(checkpoint=dict(interval=15, max_keep_ckpts=3))
