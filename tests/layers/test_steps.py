"""Steps of branches agree with operations of PyTorch."""
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmrep.kernel import Kernel
from mmrep.layers import Geometry, steps
from mmrep.layers.steps import average, convolution, sees_all

PLACES = [
    dict(kernel_size=3, padding=1),
    dict(kernel_size=3, padding=1, stride=2),
    dict(kernel_size=(5, 3), padding=(2, 0)),
    dict(kernel_size=(5, 3), padding=(3, 1), stride=(1, 2)),
    dict(kernel_size=2, padding=1),
    dict(kernel_size=3, padding=2),
    dict(kernel_size=3, padding=2, dilation=2),
    dict(kernel_size=4, padding='same'),
    dict(kernel_size=3, padding=1, padding_mode='circular'),
]


def geometry(groups=1, **place):
    return Geometry.of(nn.Conv2d(4, 4, groups=groups, **place))


def images():
    torch.manual_seed(0)
    return torch.randn(2, 4, 9, 8, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize('place', PLACES, ids=str)
@pytest.mark.parametrize('size', [(1, 1), (3, 1), (3, 3)])
@pytest.mark.parametrize('groups', [1, 2])
def test_convolution(place, size, groups):
    look = geometry(groups, **place)
    if any(a > b for a, b in zip(size, look.kernel_size)):
        return
    step, own = convolution(look, size), look.smaller(size)
    left, right, top, bottom = own.edges
    simple = 0 <= left == right and 0 <= top == bottom
    assert (step is not None) == (
        simple and (not any(own.edges) or look.padding_mode == 'zeros'))
    if step is None:
        return
    x = images()
    weight = torch.randn(4, 4 // groups, *size).double().requires_grad_()
    out = step(x, weight)
    torch.testing.assert_close(out, own.conv(x, Kernel(weight)))
    along = torch.randn_like(out)
    expected = torch.autograd.grad(out, (x, weight), along)
    for mask in ([True, True], [False, True], [True, False], [False] * 2):
        found = step.backward(along, mask, x, weight)
        for needed, one, other in zip(mask, found, expected):
            assert needed or one is None
            if needed:
                torch.testing.assert_close(one, other)


@pytest.mark.parametrize('small', [0, 2**13], ids=['convolved', 'pooled'])
@pytest.mark.parametrize('place', PLACES, ids=str)
def test_average(place, small, monkeypatch):
    monkeypatch.setattr(steps, 'SMALL', small)
    step, x = average(geometry(**place)), images()
    # pooling takes neither a dilation nor more zeros than half of a kernel
    simple = place['padding'] != 'same' and not place.keys(
    ) & {'dilation', 'padding_mode'}
    kernel_size, padding = place['kernel_size'], place['padding']
    too_wide = (kernel_size, padding) in [(3, 2), ((5, 3), (3, 1))]
    assert (step is not None) == (simple and not too_wide)
    if step is None:
        return
    size = geometry(**place).kernel_size
    weight = x.new_full((4, 1, *size), 1 / (size[0] * size[1]))
    stride = place.get('stride', 1)
    out, expected = step(x), F.conv2d(x, weight, None, stride, padding, 1, 4)
    torch.testing.assert_close(out, expected)
    along = torch.randn_like(out)
    found, none = step.backward(along, [True, False], x)
    torch.testing.assert_close(found,
                               torch.autograd.grad(expected, x, along)[0])
    assert none is None


@pytest.mark.parametrize('groups', [1, 2, 4])
@pytest.mark.parametrize('dtype', [torch.float64, torch.bfloat16])
def test_constant_features(groups, dtype):
    look = geometry(groups, kernel_size=(3, 2))
    values = torch.randn(4, dtype=torch.float64)
    weight = torch.randn(4, 4 // groups, 3, 2).to(dtype)
    total, mean = torch.randn(2, 4, dtype=torch.float64)
    features = values[None, :, None, None].expand(1, 4, 3, 2)
    taps = F.conv2d(features, weight.double(), groups=groups).flatten()
    expected, mean_expected = total + 0.3 * taps, mean + 0.3 * values
    convolution(look, (3, 2)).add_constant(total, values, 0.3, weight)
    torch.testing.assert_close(total, expected)
    average(look).add_constant(mean, values, 0.3)
    torch.testing.assert_close(mean, mean_expected)


@pytest.mark.parametrize('place', PLACES, ids=str)
def test_pixels_under_the_centre(place):
    look, x = geometry(**place), images()
    seen = look.centre(x)
    assert sees_all(look) == (seen.shape == x.shape and seen.equal(x))
