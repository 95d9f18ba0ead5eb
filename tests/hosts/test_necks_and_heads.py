"""Necks and heads of mmdet and mmseg that take ``conv_cfg``, made rich.

No neck or head of mmpretrain takes one.
"""
import inspect

import mmpretrain.models
import pytest
import torch

BN = dict(type='BN')
NECK = dict(in_channels=[8, 8, 16], out_channels=8)
DENSE = dict(num_classes=2, in_channels=8, feat_channels=8, stacked_convs=2)
ROI = dict(in_channels=8, conv_out_channels=8, num_classes=2)
SEG = dict(in_channels=16, channels=8, num_classes=3, norm_cfg=BN)

# layers that the hosts build without `conv_cfg`: predictors and a few more
CSPNEXT = 'blocks.0.conv1',  # but its block passes it on to conv2
RETINA = 'retina_cls', 'retina_reg'
FCOS = 'conv_cls', 'conv_reg', 'conv_centerness'
ATSS = 'atss_cls', 'atss_reg', 'atss_centerness'
YOLOX = ('multi_level_conv_cls', 'multi_level_conv_reg',
         'multi_level_conv_obj')
# DepthwiseSeparableASPPHead gives none to its separable convolutions
SEPARABLE = 'aspp_modules.1', 'sep_bottleneck', 'conv_seg'

CASES = [
    ('mmdet', 'FPN', dict(NECK, num_outs=4), ()),
    ('mmdet', 'PAFPN', dict(NECK, num_outs=4, norm_cfg=BN), ()),
    ('mmdet', 'HRFPN', dict(NECK, num_outs=3), ()),
    ('mmdet', 'ChannelMapper', dict(NECK, num_outs=4), ()),
    ('mmdet', 'YOLOXPAFPN', dict(NECK, num_csp_blocks=1), ()),
    ('mmdet', 'CSPNeXtPAFPN', dict(NECK, num_csp_blocks=1), CSPNEXT),
    ('mmdet', 'RetinaHead', DENSE, RETINA),
    ('mmdet', 'RetinaSepBNHead', dict(DENSE, num_ins=3, norm_cfg=BN), RETINA),
    ('mmdet', 'FCOSHead', dict(DENSE, norm_cfg=BN), FCOS),
    ('mmdet', 'ATSSHead', dict(DENSE, norm_cfg=BN), ATSS),
    ('mmdet', 'YOLOXHead', DENSE, YOLOX),
    ('mmdet', 'RTMDetSepBNHead', DENSE, ('rtm_cls', 'rtm_reg', 'rtm_obj')),
    ('mmdet', 'Shared4Conv1FCBBoxHead', dict(ROI, fc_out_channels=8), ()),
    ('mmdet', 'FCNMaskHead', ROI, ('upsample', 'conv_logits')),
    ('mmseg', 'FPN', dict(NECK, num_outs=4), ()),
    ('mmseg', 'FCNHead', SEG, ('conv_seg', )),
    ('mmseg', 'PSPHead', SEG, ('conv_seg', )),
    ('mmseg', 'ASPPHead', dict(SEG, dilations=(1, 2, 4)), ('conv_seg', )),
    ('mmseg', 'DepthwiseSeparableASPPHead',
     dict(SEG, dilations=(1, 2), c1_in_channels=8, c1_channels=4), SEPARABLE),
    ('mmseg', 'UPerHead',
     dict(SEG, in_channels=[8, 8, 16], in_index=[0, 1, 2]), ('conv_seg', )),
]


def features(config):
    """Return the input of a part: a level, or a pyramid of three."""
    shape = dict(dtype=torch.float64)
    if 'conv_out_channels' in config:
        return torch.randn(3, 8, 7, 7, **shape)
    last = 8 if 'feat_channels' in config else 16
    return [
        torch.randn(3, channels, size, size, **shape)
        for channels, size in ((8, 16), (8, 8), (last, 4))
    ]


@pytest.mark.parametrize(
    'scope, name, config, plain',
    CASES,
    ids=[f'{scope}-{name}' for scope, name, *_ in CASES])
def test_trains_and_fuses(scope, name, config, plain, check):
    check(scope, dict(config, type=name), features(config), plain)


@pytest.mark.parametrize('part', ['necks', 'heads'])
def test_mmpretrain_has_none_still(part):
    kinds = vars(getattr(mmpretrain.models, part)).values()
    assert not [
        kind for kind in filter(inspect.isclass, kinds)
        if 'conv_cfg' in inspect.signature(kind).parameters
    ]
