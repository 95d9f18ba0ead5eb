"""Initial weights have the standard deviations of the official code.

A weight of Kaiming's uniform rule with slope a and a fan-in of n has the
deviation sqrt(2 / ((1 + a^2) n)). PyTorch's own convolutions have a^2 = 5.
"""
import math

import pytest
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from mmrep import (ACBConv2d, DBBConv2d, OREPAConv2d, OREPAVGGConv2d,
                   RepVGGConv2d)

TORCH = math.sqrt(5)
MULTIPLIER = 8  # depthwise filters of OREPA's separable branch per channel


def deviation(fan_in, slope):
    return math.sqrt(2 / ((1 + slope**2) * fan_in))


def of_orepa(channels, size, groups, slope=0.):
    """Return standard deviations, and the values of constants."""
    per_group, area = channels // groups, size * size
    one = deviation(per_group, slope)
    return {
        'weight': deviation(per_group * area, slope),
        'branches.average.weight': one,
        'branches.prior.weight': one,
        'branches.1x1.weight': one,
        'branches.1x1_kxk.first': 0.,
        'branches.1x1_kxk.second': deviation(per_group * area, slope),
        'branches.separable.depthwise': deviation(area, slope),
        'branches.separable.pointwise': deviation(per_group * MULTIPLIER,
                                                  slope),
    }


def of_orepa_vgg(channels, size, groups):
    inner = of_orepa(channels, size, groups, slope=1.)
    del inner['branches.1x1.weight']
    return {
        **{
            f'kxk.{name}': value
            for name, value in inner.items()
        }, 'branches.1x1.weight': deviation(channels // groups, TORCH)
    }


def of_repvgg(channels, size, groups):
    per_group = channels // groups
    return {
        'weight': deviation(per_group * size * size, TORCH),
        'branches.1x1.weight': deviation(per_group, TORCH),
    }


def of_dbb(channels, size, groups):
    kxk = of_repvgg(channels, size, groups)
    return {
        **kxk,
        'branches.1x1_kxk.first': 0.,
        'branches.1x1_kxk.second': kxk['weight'],
        'branches.1x1_average.first': kxk['branches.1x1.weight'],
    }


def of_depthwise_dbb(channels, size, groups):
    """Return deviations; twice the width inside leaves no identity factor."""
    return {
        'weight': deviation(size * size, TORCH),
        'branches.1x1_kxk.first': deviation(1, TORCH),
        'branches.1x1_kxk.second': deviation(2 * size * size, TORCH),
    }


def of_acb(channels, size, groups):
    per_group = channels // groups
    side = deviation(per_group * size, TORCH)
    return {
        'weight': deviation(per_group * size * size, TORCH),
        'branches.1xk.weight': side,
        'branches.kx1.weight': side,
    }


@pytest.mark.parametrize('groups', [1, 2])
@pytest.mark.parametrize('kind, expected', [
    (OREPAConv2d, of_orepa),
    (OREPAVGGConv2d, of_orepa_vgg),
    (RepVGGConv2d, of_repvgg),
    (DBBConv2d, of_dbb),
    (ACBConv2d, of_acb),
])
def test_branches(kind, expected, groups):
    torch.manual_seed(0)
    layer = kind(128, 128, 3, padding=1, groups=groups, bias=False)
    check(layer, expected(128, 3, groups))


def test_depthwise_branches_of_dbb():
    torch.manual_seed(0)
    layer = DBBConv2d(4096, 4096, 3, padding=1, groups=4096, bias=False)
    check(layer, of_depthwise_dbb(4096, 3, 4096))


def test_a_head_of_a_stage_of_repvgg_has_no_identity():
    torch.manual_seed(0)
    layer = RepVGGConv2d(96, 192, 3, 2, 1, bias=False)
    check(layer, of_repvgg(96, 3, 1))


@pytest.mark.parametrize('channels', [(128, 512), (512, 128), (256, 256)])
def test_branches_of_orepas_1x1(channels):
    """The product's factor towards fewer channels is the identity."""
    torch.manual_seed(0)
    fewer, more = sorted(channels)
    layer = OREPAConv2d(*channels, 1, bias=False)
    free, eye = (layer.branches['product'].first,
                 layer.branches['product'].second)
    if channels == (fewer, more) and fewer < more:
        free, eye = eye, free
    assert ratio(layer.weight, deviation(channels[0], 1.)) < .03
    assert ratio(free, deviation(channels[0], 1.)) < .03
    assert eye[..., 0, 0].equal(torch.eye(fewer))
    assert layer.scale.equal(torch.tensor([[1.], [.5]]).expand(2, channels[1]))


def test_branches_of_the_linear_deep_stem():
    torch.manual_seed(0)
    layer = OREPAConv2d(3, 64, 7, 2, 3, bias=False)
    for factor, channels in zip(layer.branches['stem'].factors, (3, 64, 64)):
        check(factor, of_orepa(channels, 3, 1))


def test_scales_of_orepa():
    scale = OREPAConv2d(64, 64, 3).scale
    assert scale[:, 0].tolist() == [.25, .25, 0., .5, 1., .5]
    scale = OREPAVGGConv2d(64, 64, 3).kxk.scale
    assert scale[:, 0].tolist() == [.25, .25, 0., .5, .5]


def ratio(weight, expected):
    """Return the distance of the ratio of deviations from 1, less its noise.

    The deviation of n uniform numbers is off by about 0.45 / sqrt(n).
    """
    found = weight.detach().pow(2).mean().sqrt().item()
    return abs(found / expected - 1) - 3 * .45 / math.sqrt(weight.numel())


def check(layer, expected):
    told = dict(layer.named_parameters())
    told.pop('scale', None)
    told.pop('kxk.scale', None)
    norms = {
        name
        for name, module in layer.named_modules()
        if isinstance(module, _BatchNorm)
    }
    for norm in norms:
        assert told.pop(f'{norm}.weight').eq(1).all()
        assert told.pop(f'{norm}.bias').eq(0).all()
    assert set(told) == set(expected)
    for name, value in expected.items():
        if value:
            assert ratio(told[name], value) < .03, name
        else:
            assert told[name].eq(0).all(), name
