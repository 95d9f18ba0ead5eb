"""MobileOne's block agrees with mmpretrain's."""
import re

import pytest
import torch
from mmpretrain.models.backbones.mobileone import MobileOneBlock
from torch import nn

from mmrep import MobileOneConv2d, UserError
from mmrep.deploy import relative_difference
from mmrep.testing import randomize_norms


def from_host(block):
    """Return the host's weights by our names."""
    out = {}
    for name, tensor in block.state_dict().items():
        parts = name.split('.')
        if parts[0] == 'branch_conv_list':
            at = '' if parts[1] == '0' else f'branches.kxk_{parts[1]}.'
            rest = parts[2:]
        else:
            at = dict(
                branch_scale='branches.1x1.',
                branch_norm='branches.identity.')[parts[0]]
            rest = ['norm', *parts[1:]
                    ] if parts[0] == 'branch_norm' else parts[1:]
        leaf = 'weight' if rest[0] == 'conv' else '.'.join(rest)
        out[at + leaf] = tensor
    return out


@pytest.mark.parametrize('train', [True, False])
@pytest.mark.parametrize('size, stride, groups, num_convs', [
    (3, 1, 8, 4),
    (3, 2, 8, 2),
    (3, 1, 1, 1),
    (1, 1, 1, 4),
])
def test_is_mmpretrains(size, stride, groups, num_convs, train):
    torch.manual_seed(0)
    host = MobileOneBlock(
        8, 8, size, num_convs, stride, size // 2, groups=groups)
    host.act = nn.Identity()
    randomize_norms(host).double().train(train)
    layer = MobileOneConv2d(
        8,
        8,
        size,
        stride,
        size // 2,
        groups=groups,
        bias=False,
        num_convs=num_convs,
        dtype=torch.float64).train(train)
    layer.load_state_dict(from_host(host))
    x = torch.randn(2, 8, 9, 10, dtype=torch.float64)
    assert relative_difference(host(x), layer(x)) < 1e-10
    after = layer.state_dict()
    for name, tensor in from_host(host).items():
        torch.testing.assert_close(after[name], tensor)


def test_how_many_convs():
    assert list(MobileOneConv2d(
        8, 8, 3).branches)[:3] == ['kxk_1', 'kxk_2', 'kxk_3']
    for number in (0, 1.5, True, '4', None, 10**7):
        rule = re.escape(f'`num_convs` (={number!r}) must be a whole number')
        with pytest.raises(UserError, match=rule):
            MobileOneConv2d(8, 8, 3, num_convs=number)


def test_a_state_dict_brings_its_number_of_convs():
    layer = MobileOneConv2d(8, 8, 3, num_convs=12)
    other = MobileOneConv2d(8, 8, 3, num_convs=1)
    other.load_state_dict(layer.state_dict())
    assert list(other.state_dict()) == list(layer.state_dict())
