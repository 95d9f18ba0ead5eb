# A PSPNet on RepVGG's A0 at a quarter of its channels, dilated from stage 3
# on, that learns the shapes on two CPU cores in minutes. The variants differ
# in how the 3x3 convolutions train; once fused, all are the same net. No
# paper's setting.
_base_ = './pspnet_r18_shapes.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='RepVGGBackbone',
        arch='A0',
        base_channels=16,
        strides=(2, 2, 1, 1),
        dilations=(1, 1, 2, 4)),
    decode_head=dict(in_channels=320),
    auxiliary_head=dict(in_channels=48))

max_iters = 600
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=30),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,
        by_epoch=False,
        begin=30,
        end=max_iters)
]
default_hooks = dict(checkpoint=dict(interval=max_iters))
