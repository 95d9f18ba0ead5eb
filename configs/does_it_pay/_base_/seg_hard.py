# A Semantic FPN that learns the hard shapes from scratch, the host's model at
# a quarter of the channels. No paper's setting.
_base_ = [
    'mmseg::_base_/models/fpn_r50.py',
    './shapes_hard_segmentation.py',
    './seconds_on_cpu.py',
]
default_scope = 'mmseg'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

channels = 32
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    data_preprocessor=dict(size_divisor=32),
    pretrained=None,
    backbone=dict(
        _delete_=True,
        type='ResNet',
        depth=18,
        base_channels=16,
        strides=(1, 1, 2, 2),
        zero_init_residual=False,
        norm_cfg=norm_cfg),
    neck=dict(in_channels=[16, 32, 64, 128], out_channels=channels),
    decode_head=dict(
        in_channels=[channels] * 4,
        feature_strides=[4, 4, 8, 16],
        channels=32,
        dropout_ratio=0.,
        num_classes=7,
        norm_cfg=norm_cfg,
        # most pixels are background
        loss_decode=dict(class_weight=[0.15] + [1.] * 6)))

train_dataloader = dict(batch_size=8)
