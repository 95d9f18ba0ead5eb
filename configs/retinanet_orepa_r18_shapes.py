# A RetinaNet of OREPA blocks that learns the shapes on two CPU cores in three
# minutes. No paper's setting.
_base_ = [
    'mmdet::_base_/models/retinanet_r50_fpn.py',
    './_base_/datasets/shapes_detection.py',
    './_base_/schedules/minutes_on_cpu.py',
]
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

channels = 64
model = dict(
    backbone=dict(
        type='OREPAResNet',
        depth=18,
        base_channels=16,
        frozen_stages=-1,
        norm_eval=False,
        init_cfg=None),
    neck=dict(in_channels=[16, 32, 64, 128], out_channels=channels),
    bbox_head=dict(
        in_channels=channels,
        feat_channels=channels,
        stacked_convs=2,
        num_classes=4,
        anchor_generator=dict(octave_base_scale=3)),
    test_cfg=dict(nms_pre=200, max_per_img=20))

max_iters = 480
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=20),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,
        by_epoch=False,
        begin=20,
        end=max_iters)
]
default_hooks = dict(checkpoint=dict(interval=max_iters))
