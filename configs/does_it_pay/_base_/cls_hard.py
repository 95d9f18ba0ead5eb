# A classifier of the hard shapes from scratch, a quarter of the channels. It
# keeps crops of 32 pixels at a stride of 8 up to its second stage. No paper's
# setting.
_base_ = ['./folders_classification.py', './seconds_on_cpu.py']
default_scope = 'mmpretrain'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

num_classes = 6
model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(
        num_classes=num_classes,
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True),
    backbone=dict(
        type='ResNet',
        depth=18,
        stem_channels=16,
        base_channels=16,
        strides=(1, 1, 2, 2),
        out_indices=(3, ),
        zero_init_residual=False),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes=num_classes,
        in_channels=128,
        loss=dict(type='CrossEntropyLoss')))

dataset = dict(data_root='data/shapes_hard/classes')
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = val_dataloader

max_iters = 400
train_cfg = dict(max_iters=max_iters, val_interval=max_iters // 5)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=25),
    dict(
        type='CosineAnnealingLR',
        eta_min=0,
        by_epoch=False,
        begin=25,
        end=max_iters)
]
default_hooks = dict(checkpoint=dict(interval=max_iters // 2))
