# Semantic FPN on the hard shapes, with RepVGG-A0's stack of plain
# convolutions. No paper's setting.
#
# Each convolution has a norm and no branch beside it: what RepVGG is compared
# with.
_base_ = './_base_/seg_hard.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='RepVGGBackbone',
        arch='A0',
        base_channels=16,
        strides=(2, 1, 2, 2),
        conv_cfg=dict(type='RepVGGConv2d', branches=())),
    neck=dict(in_channels=[12, 24, 48, 320]))
