# Handwritten digits, with RepVGG-A0. No paper's setting.
#
# The gamma of an identity decays, as RepVGG's authors advise.
_base_ = './_base_/digits.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='RepVGGBackbone',
        arch='A0',
        base_channels=16,
        strides=(2, 1, 2, 2),
        out_indices=(3, )),
    head=dict(in_channels=320))
optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys={'identity.norm.weight': dict(decay_mult=1.)}))
