# A RetinaNet that learns the hard shapes from scratch, the host's model at a
# quarter of the channels, with three levels. AdamW, because SGD finds nothing
# in so short a training. No paper's setting.
_base_ = [
    'mmdet::_base_/models/retinanet_r50_fpn.py',
    './shapes_hard_detection.py',
    './seconds_on_cpu.py',
]
default_scope = 'mmdet'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

channels = 32
model = dict(
    backbone=dict(
        _delete_=True,
        type='ResNet',
        depth=18,
        base_channels=16,
        strides=(1, 1, 2, 2),
        zero_init_residual=False,
        norm_eval=False),
    neck=dict(
        in_channels=[16, 32, 64, 128], out_channels=channels, num_outs=3),
    bbox_head=dict(
        in_channels=channels,
        feat_channels=channels,
        stacked_convs=1,
        num_classes=6,
        anchor_generator=dict(
            octave_base_scale=4,
            scales_per_octave=2,
            ratios=[0.7, 1.4],
            strides=[4, 8, 16])),
    test_cfg=dict(nms_pre=200, max_per_img=30))

optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=3e-3, weight_decay=0.01))

train_dataloader = dict(batch_size=8)
