"""The stem of plain kernels agrees with a stack of convolutions."""
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmrep import OREPAConv2d
from mmrep.checkpoints import convert
from mmrep.errors import UserError

GROUPS = [1, 2, 8]


def stem(groups=1, size=7, **options):
    torch.manual_seed(0)
    return OREPAConv2d(
        8,
        16,
        size,
        stride=2,
        groups=groups,
        bias=False,
        branches='plain_stem',
        dtype=torch.float64,
        **options)


@pytest.mark.parametrize('groups', GROUPS)
@pytest.mark.parametrize('size', [7, (9, 5), (8, 7)])
def test_is_a_stack_of_convs(groups, size):
    """The last convolution has the stride; nothing is padded in between."""
    layer = stem(groups, size)
    x = torch.randn(2, 8, 21, 20, dtype=torch.float64)
    out, kernels = x, list(layer.branches['plain_stem'].kernels)
    for kernel in kernels:
        stride = 2 if kernel is kernels[-1] else 1
        out = F.conv2d(out, kernel, stride=stride, groups=groups)
    torch.testing.assert_close(layer(x), out)
    torch.testing.assert_close(layer.fuse()(x), out)


@pytest.mark.parametrize('groups', GROUPS)
def test_official_weights(groups):
    """Each further official kernel slides over the kernel before it."""
    torch.manual_seed(0)
    weights = {
        f'weight{i}':
        torch.randn(16, (16 if i else 8) // groups, 3, 3, dtype=torch.float64)
        for i in range(3)
    }
    kernel = weights['weight0'].transpose(0, 1)
    for i in (1, 2):
        kernel = F.conv2d(
            kernel, weights[f'weight{i}'], padding=2, groups=groups)
    layer = OREPAConv2d(
        8, 16, 7, groups=groups, bias=False, dtype=torch.float64)
    with pytest.warns(UserWarning, match='taken over the branches'):
        layer.load_state_dict(convert(weights))
    assert layer.options() == stem(groups).options()
    torch.testing.assert_close(layer.kernel().weight, kernel.transpose(0, 1))


def test_official_net():
    """The stem of an official ResNet is converted, also a deployed one."""
    weights = {
        f'stage0.conv1.weight{i}': torch.randn(4, 4 if i else 3, 3, 3)
        for i in range(3)
    }
    out = convert(weights)
    assert sorted(out) == [
        *(f'conv1.branches.plain_stem.kernels.{i}' for i in range(3)),
        'conv1.weight'
    ]
    assert out['conv1.weight'].shape == (4, 3, 7, 7)
    assert not out['conv1.weight'].any()
    plain = {'stage0.conv1.or_large_reparam.weight': torch.ones(4, 3, 7, 7)}
    assert list(convert(plain)) == ['conv1.weight']


def test_initial_weights():
    """Weights are uniform up to 1 / sqrt(fan-in), like nn.Conv2d's."""
    torch.manual_seed(0)
    layer = OREPAConv2d(3, 64, 7, bias=False, branches='plain_stem')
    kernels = layer.branches['plain_stem'].kernels
    for kernel, fan_in in zip(kernels, (27, 576, 576), strict=True):
        assert kernel.abs().max() <= fan_in**-.5
        assert kernel.std().item() == pytest.approx((3 * fan_in)**-.5, rel=.05)
    # a product's pixel is a sum over paths, of variance (1/3)^3 / (27 576 576)
    first, second, third = 1 / (3 * 27), 1 / (3 * 576), 1 / (3 * 576)
    paths = 64 * 64 * 9**3 / 49  # mean over 7 x 7 pixels
    expected = (first * second * third * paths)**.5
    found = layer.kernel().weight.pow(2).mean().sqrt().item()
    assert found == pytest.approx(expected, rel=.1)


def test_round_trips():
    layer = stem(groups=2)
    twin = OREPAConv2d(8, 16, 7, groups=2, bias=False, **layer.options())
    twin.double().load_state_dict(layer.state_dict(), strict=True)
    assert twin.config() == layer.config() == dict(
        type='OREPAConv2d', branches=['plain_stem'], scaling='vector')
    torch.testing.assert_close(twin.kernel().weight, layer.kernel().weight)


def test_a_plain_conv_loads_and_all_kernels_can_grow():
    layer = stem()
    conv = nn.Conv2d(8, 16, 7, 2, bias=False).double()
    layer.load_state_dict(conv.state_dict())
    x = torch.randn(2, 8, 9, 9, dtype=torch.float64)
    torch.testing.assert_close(layer(x), conv(x))
    layer(x).sum().backward()
    kernels = layer.branches['plain_stem'].kernels
    assert kernels[-1].grad.any() and kernels[0].any()


def test_beside_the_others():
    layer = stem().double()
    layer.set_options(['origin', 'stem', 'plain_stem'])
    total = sum(scale[:, None, None, None] * term.weight
                for scale, term in zip(layer.scale, (
                    layer, *(b() for b in layer.branches.values()))))
    assert layer.names == ['origin', 'stem', 'plain_stem']
    torch.testing.assert_close(layer.kernel().weight, total)


def test_of_small_kernels_is_refused():
    with pytest.raises(UserError, match='3x3 kernel must be some of'):
        OREPAConv2d(4, 4, 3, branches='plain_stem')
