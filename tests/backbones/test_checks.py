"""Odd arguments of backbones end in one sentence."""
import re

import pytest

import mmrep

ODD = [
    dict(frozen_stages='a'),
    dict(frozen_stages=True),
    dict(strides=3),
    dict(strides=(1, 2, 2.5, 2)),
    dict(dilations=None),
    dict(dilations=(0, 1, 1, 1)),
    dict(num_stages=None),
    dict(out_indices=('a', )),
    dict(conv_cfg=3),
    dict(stem_cfg='OREPAConv2d'),
    dict(stem_cfg=dict(type='Nope')),
    dict(conv_cfg={}),
    dict(conv_cfg=dict(type='Nope')),
    dict(conv_cfg=dict(type='')),
    dict(conv_cfg=dict(type=5)),
    dict(norm_cfg={}),
    dict(norm_cfg=None),
    dict(deep_stem='yes'),
    dict(avg_down=1),
    dict(norm_eval=None),
    dict(norm_behind='no'),
    dict(contract_dilation='no'),
    dict(with_cp=0),
    dict(zero_init_residual='False'),
]


@pytest.mark.parametrize('options', ODD, ids=str)
def test_resnets(options):
    (name, value), = options.items()
    message = re.escape(f'`{name}` (={value!r}) must be')
    for kind in (mmrep.OREPAResNet, mmrep.DBBResNet, mmrep.RepVGGResNet):
        with pytest.raises(mmrep.UserError, match=message):
            kind(depth=18, **options)


@pytest.mark.parametrize('options', [
    dict(conv_cfg=3),
    dict(half_indices=3),
    dict(frozen_stages='a'),
    dict(out_indices=3),
    dict(norm_eval='yes'),
    dict(with_cp=1),
], ids=str)  # yapf: disable
def test_repvgg(options):
    (name, value), = options.items()
    message = re.escape(f'`{name}` (={value!r}) must be')
    with pytest.raises(mmrep.UserError, match=message):
        mmrep.RepVGGBackbone('A0', **options)
