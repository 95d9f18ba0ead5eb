# Handwritten digits, with RepVGG-A0's stack of plain convolutions. No paper's
# setting.
#
# Each convolution has a norm and no branch beside it: what RepVGG is compared
# with.
_base_ = './_base_/digits.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='RepVGGBackbone',
        arch='A0',
        base_channels=16,
        strides=(2, 1, 2, 2),
        out_indices=(3, ),
        conv_cfg=dict(type='RepVGGConv2d', branches=())),
    head=dict(in_channels=320))
