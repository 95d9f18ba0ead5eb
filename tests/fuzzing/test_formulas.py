"""The formulas by hand agree with PyTorch's, where there are such."""
import itertools
from random import Random

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from .cases import randomize_norm
from .image import Look, conv, mean
from .parts import Norm, Part, read
from .shapes import MODES, draw_shape, draw_size

torch.manual_seed(0)


def drawn(count=60):
    """Yield arguments of nn.Conv2d, and an image."""
    for seed in range(count):
        rng = Random(seed)
        shape = draw_shape(rng)
        size = draw_size(rng, shape)
        x = torch.randn(2, shape['in_channels'], *size, dtype=torch.float64)
        yield shape, x


def test_conv():
    for shape, x in drawn():
        module = nn.Conv2d(dtype=torch.float64, **dict(shape, bias=False))
        look = Look.of(**shape)
        out = conv(look.pad(x), module.weight, look)
        torch.testing.assert_close(out, module(x), rtol=1e-12, atol=1e-12)
        assert min(out.shape[2:]) >= 3


@pytest.mark.parametrize('mode', sorted(set(MODES)))
@pytest.mark.parametrize('edges', itertools.product([0, 2, 4], [1, 3]))
def test_pad(mode, edges):
    x = torch.randn(1, 2, 5, 6, dtype=torch.float64)
    look = Look((3, 3), (1, 1), (1, 1), 1, (edges, (1, 2)), mode)
    expected = F.pad(x, (1, 2, *edges),
                     'constant' if mode == 'zeros' else mode)
    assert torch.equal(look.pad(x), expected)


@pytest.mark.parametrize('size, spread', [((3, 1), 1), ((1, 1), 1),
                                          ((2, 2), 1), ((3, 2), 2)])
def test_smaller_kernels_lie_at_the_centre(size, spread):
    weight = torch.randn(3, 2, *size, dtype=torch.float64)
    whole = torch.zeros(3, 2, 5, 6, dtype=torch.float64)
    reach = [(n - 1) * spread for n in size]
    top, left = 2 - reach[0] // 2, 2 - reach[1] // 2
    whole[:, :, top:top + reach[0] + 1:spread,
          left:left + reach[1] + 1:spread] = weight
    look = Look((5, 6), (2, 1), (1, 2), 1, ((2, 2), (3, 3)), 'zeros')
    image = look.pad(torch.randn(1, 2, 9, 11, dtype=torch.float64))
    torch.testing.assert_close(
        conv(image, weight, look, spread), conv(image, whole, look))


def test_mean():
    x = torch.randn(2, 3, 8, 9, dtype=torch.float64)
    look = Look((3, 2), (2, 1), (1, 1), 1, ((0, 0), (0, 0)), 'zeros')
    expected = F.avg_pool2d(x, (3, 2), (2, 1))
    torch.testing.assert_close(mean(x, look), expected)


@pytest.mark.parametrize('momentum', [.1, None])
@pytest.mark.parametrize('training', [True, False])
def test_norm(momentum, training):
    net = nn.Sequential(nn.BatchNorm2d(3, .02, momentum, dtype=torch.float64))
    randomize_norm(net[0])
    net.train(training)
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    for _ in range(2):
        part = Part(*read(net))
        assert part.norms == {'0': Norm(.02, momentum, training)}
        torch.testing.assert_close(part.normed('0', x), net(x))
        for name, value in part.moved.items():
            torch.testing.assert_close(value, net.state_dict()[name].double())


def test_what_a_norm_makes_of_zeros():
    net = nn.Sequential(nn.BatchNorm2d(3, dtype=torch.float64)).eval()
    randomize_norm(net[0])
    expected = net(torch.zeros(1, 3, 1, 1, dtype=torch.float64)).flatten()
    torch.testing.assert_close(Part(*read(net)).of_zeros('0'), expected)
