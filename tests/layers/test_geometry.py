"""Places of kernels, and impossible arguments."""
import numpy as np
import pytest
import torch
from torch import nn

import mmrep
from mmrep import kernel as K
from mmrep.kernel import Kernel
from mmrep.layers.geometry import Geometry, check_geometry

GOOD = dict(in_channels=8, out_channels=4, kernel_size=(3, 5), groups=2)


def test_possible():
    check_geometry(**GOOD)
    check_geometry(**{**GOOD, 'kernel_size': np.int64(3)})


@pytest.mark.parametrize('name, value', [('kernel_size', (3, 0)),
                                         ('groups', 0), ('in_channels', -8),
                                         ('out_channels', 4.0)])
def test_not_a_positive_whole_number(name, value):
    with pytest.raises(ValueError) as error:
        check_geometry(**{**GOOD, name: value})
    assert f'`{name}` (={value})' in str(error.value)


@pytest.mark.parametrize('name', ['in_channels', 'out_channels'])
def test_groups(name):
    with pytest.raises(ValueError) as error:
        check_geometry(**{**GOOD, name: 6, 'groups': 4})
    assert str(error.value) == (f'`{name}` (=6) must be divisible by '
                                '`groups` (=4)')


CONVS = [
    nn.Conv2d(4, 6, 3, padding=1),
    nn.Conv2d(4, 6, (3, 5), (2, 1), (0, 4), (1, 2), groups=2),
    nn.Conv2d(4, 6, 4, padding='same', dilation=(2, 1)),
    nn.Conv2d(4, 6, (5, 2), padding='valid'),
    nn.Conv2d(4, 6, 3, 2, padding=(3, 2), padding_mode='reflect'),
    nn.Conv2d(4, 6, 4, padding='same', padding_mode='circular'),
    nn.Conv2d(4, 6, 5, padding=1, padding_mode='replicate', dilation=2),
]
over_convs = pytest.mark.parametrize('conv', CONVS, ids=str)


@over_convs
def test_convolves_as_the_layer(conv):
    x = torch.randn(2, 4, 12, 13)
    geometry = Geometry.of(conv)
    out = geometry.conv(x, Kernel(conv.weight, conv.bias))
    torch.testing.assert_close(out, conv(x))
    no_padding = geometry._replace(edges=(0, 0, 0, 0))
    out = no_padding.conv(geometry.pad(x), Kernel(conv.weight, conv.bias))
    torch.testing.assert_close(out, conv(x))


@over_convs
@pytest.mark.parametrize('size', [(1, 1), (1, 2), (2, 1), (2, 2)])
def test_smaller_kernels_lie_around_the_same_centre(conv, size):
    x = torch.randn(2, 4, 12, 13)
    geometry = Geometry.of(conv)
    small = Kernel(torch.randn(6, conv.weight.size(1), *size))
    out = geometry.smaller(size).conv(x, small)
    padded = K.pad(small, conv.kernel_size)
    torch.testing.assert_close(out, geometry.conv(x, padded))


def test_spread_kernels():
    conv = nn.Conv2d(4, 4, 7, padding=6, dilation=2, groups=4)
    small = Kernel(torch.randn(4, 1, 3, 3))
    geometry, x = Geometry.of(conv), torch.randn(1, 4, 15, 15)
    spread = K.pad(K.dense(small, (3, 3)), (7, 7))
    out = geometry.smaller((3, 3), 3).conv(x, small)
    torch.testing.assert_close(out, geometry.conv(x, spread))


def test_reads_attributes_that_a_host_has_changed():
    conv = nn.Conv2d(4, 4, 3, padding=1)
    conv.padding, conv.dilation = (2, 2), (2, 2)
    assert Geometry.of(conv).edges == (2, 2, 2, 2)
    assert Geometry.of(conv).dilation == (2, 2)


@pytest.mark.parametrize('groups, channels, expected', [(4, (4, 4), True),
                                                        (4, (4, 8), False),
                                                        (1, (1, 1), False)])
def test_depthwise(groups, channels, expected):
    conv = nn.Conv2d(*channels, 3, groups=groups)
    assert Geometry.of(conv).is_depthwise == expected


@pytest.mark.parametrize('arguments, rule', [
    (dict(groups=True), r'`groups` \(=True\) must be at least 1, in whole'),
    (dict(groups=(2, 2)), r'`groups` \(=\(2, 2\)\) must be at least 1'),
    (dict(in_channels=[8, 8]), r'`in_channels` \(=\[8, 8\]\) must be'),
    (dict(in_channels='8'), r"`in_channels` \(='8'\) must be at least 1"),
    (dict(kernel_size=()), r'`kernel_size` \(=\(\)\) must be one number or'),
    (dict(kernel_size=(3, )), r'`kernel_size` \(=\(3,\)\) must be one number'),
    (dict(kernel_size=None), r'`kernel_size` \(=None\) must be at least 1'),
    (dict(stride=float('nan')), r'`stride` \(=nan\) must be at least 1'),
    (dict(bias='yes'), r"`bias` \(='yes'\) must be True or False"),
    (dict(bias=1), r'`bias` \(=1\) must be True or False'),
    (dict(bias=None), r'`bias` \(=None\) must be True or False'),
    (dict(padding=(True, 1)), r'`padding` \(=\(True, 1\)\) must be at least'),
])
def test_odd_arguments(arguments, rule):
    shape = dict(in_channels=8, out_channels=8, kernel_size=3)
    for kind in (mmrep.DBBConv2d, mmrep.OREPAConv2d):
        with pytest.raises(mmrep.UserError, match=rule):
            kind(**{**shape, **arguments})
