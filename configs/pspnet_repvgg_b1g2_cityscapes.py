# PSPNet of RepVGG-B1g2 on Cityscapes (Ding et al., CVPR 2021), 40 epochs of
# 713x713, all 3x3 of the last two stages dilated. Not trained here.
#
# Paper: RepVGG, table 8, RepVGG-B1g2: 78.70 mIoU.
#
# The paper's settings: poly learning rate from 0.01 with power 0.9, weight
# decay 1e-4, 16 images a step (8 GPUs of 2, `tools/dist_train.sh CONFIG 8`);
# 40 epochs of 2975 images are 40 * 2975 / 16 = 7437.5, so 7438 iterations.
# With ResNet-50 it reports 77.17.
#
# The paper starts from a RepVGG-B1g2 trained on ImageNet. Give one as
#   --cfg-options model.backbone.init_cfg.type=Pretrained \
#                 model.backbone.init_cfg.checkpoint=PATH
# Without it the backbone starts from random weights.
_base_ = [
    'mmseg::_base_/models/pspnet_r50-d8.py',
    'mmseg::_base_/datasets/cityscapes.py',
    'mmseg::_base_/default_runtime.py',
]
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

crop_size = (713, 713)
norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    data_preprocessor=dict(size=crop_size),
    pretrained=None,
    backbone=dict(
        _delete_=True,
        type='RepVGGBackbone',
        arch='B1g2',
        strides=(2, 2, 1, 1),
        dilations=(1, 1, 2, 4),
        out_indices=(0, 1, 2, 3),
        norm_cfg=norm_cfg),
    decode_head=dict(in_channels=2048, align_corners=True),
    auxiliary_head=dict(in_channels=512, align_corners=True),
    # 713 = 8 * 89 + 1: the size that fits align_corners at stride 8.
    test_cfg=dict(mode='slide', crop_size=crop_size, stride=(476, 476)))

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(
        type='RandomResize',
        scale=(2048, 1024),
        ratio_range=(0.5, 2.0),
        keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs')
]
train_dataloader = dict(batch_size=2, dataset=dict(pipeline=train_pipeline))

max_iters = 7438
train_cfg = dict(
    type='IterBasedTrainLoop', max_iters=max_iters, val_interval=1860)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4))
param_scheduler = [
    dict(type='PolyLR', eta_min=0, power=0.9, by_epoch=False, end=max_iters)
]
auto_scale_lr = dict(enable=False, base_batch_size=16)
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=1860),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='SegVisualizationHook'))
