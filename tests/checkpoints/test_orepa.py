"""Grouped OREPA blocks, as in ResNeXt, against the official formulas."""
import pytest
import torch
import torch.nn.functional as F

from mmrep import OREPAConv2d
from mmrep.checkpoints import convert

CHANNELS = 16


def official_block(groups):
    """Make weights with the shapes of blocks.py for any number of groups.

    More than four groups double the channels inside.
    """
    per_group = CHANNELS // groups
    inner = CHANNELS if groups <= 4 else 2 * CHANNELS
    shapes = dict(
        origin=(CHANNELS, per_group, 3, 3),
        avg_conv=(CHANNELS, per_group, 1, 1),
        pfir_conv=(CHANNELS, per_group, 1, 1),
        gconv_dw=(8 * CHANNELS, 1, 3, 3),
        gconv_pw=(CHANNELS, 8 * per_group, 1, 1))
    shapes['1x1'] = (CHANNELS, per_group, 1, 1)
    shapes['1x1_kxk_idconv1'] = (inner, per_group, 1, 1)
    shapes['1x1_kxk_conv2'] = (CHANNELS, inner // groups, 3, 3)
    torch.manual_seed(0)
    return {
        **{f'weight_orepa_{k}': torch.randn(v) for k, v in shapes.items()},
        'vector': torch.zeros(6, CHANNELS)
    }  # yapf: disable


def pointwise_kxk(weights, x, groups):
    """Run the 1x1_kxk branch; row i of the identity is one at i mod width."""
    first = weights['weight_orepa_1x1_kxk_idconv1'].clone()
    for i in range(first.size(0)):
        first[i, i % first.size(1)] += 1
    second = weights['weight_orepa_1x1_kxk_conv2']
    return F.conv2d(
        F.conv2d(x, first, groups=groups), second, padding=1, groups=groups)


def separable(weights, x, groups):
    """Run the separable branch, whose output channels alternate by group.

    See ``dwsc2full`` in blocks.py.
    """
    depthwise = weights['weight_orepa_gconv_dw'].view(groups, -1, 8, 3, 3)
    pointwise = weights['weight_orepa_gconv_pw'].view(-1, groups,
                                                      CHANNELS // groups, 8)
    weight = torch.einsum('cithw,ocit->coihw', depthwise, pointwise)
    return F.conv2d(x, weight.flatten(0, 1), padding=1, groups=groups)


@pytest.mark.parametrize('groups', [1, 2, 8])
@pytest.mark.parametrize('row, branch', [(3, pointwise_kxk), (5, separable)])
def test_grouped_branches(groups, row, branch):
    weights = official_block(groups)
    weights['vector'][row] = 1
    layer = OREPAConv2d(
        CHANNELS, CHANNELS, 3, padding=1, groups=groups, bias=False)
    layer.load_state_dict(convert(weights))
    x = torch.randn(2, CHANNELS, 6, 7)
    torch.testing.assert_close(
        layer(x), branch(weights, x, groups), rtol=1e-4, atol=1e-4)
