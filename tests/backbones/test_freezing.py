"""Blocks that a host freezes only in part."""
import pytest
from mmdet.models.backbones import ResNet

import mmrep
from mmrep.backbones.freezing import half_frozen

DBB = dict(type='DBBConv2d')
SMALL = dict(depth=18, base_channels=8, norm_cfg=dict(type='BN'))


@pytest.mark.parametrize('frozen, norm_eval, expected', [
    (0, False, ['conv1']),
    (1, False, ['conv1']),
    (1, True, []),
    (-1, False, []),
])
def test_half_frozen(frozen, norm_eval, expected):
    net = ResNet(
        frozen_stages=frozen, norm_eval=norm_eval, conv_cfg=DBB, **SMALL)
    net.train()
    assert half_frozen(net) == expected


@pytest.mark.parametrize('frozen', [-1, 0, 1])
def test_own_backbones_freeze_the_norms_inside(frozen):
    net = mmrep.DBBResNet(
        frozen_stages=frozen, norm_eval=False, conv_cfg=DBB, **SMALL).train()
    assert half_frozen(net) == []
    assert frozen < 0 or not any(n.training for n in net.conv1.norms_inside())
