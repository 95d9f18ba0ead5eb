"""The laws of the algebra, in float64, over the geometry of convolutions."""
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmrep import kernel as K
from mmrep.kernel import Kernel
from mmrep.testing import randomize_norms

SIZES = [(1, 1), (2, 2), (3, 3), (3, 5), (1, 3), (5, 2)]

GEOMETRIES = [
    dict(groups=g, stride=s, padding=p, dilation=d)
    for g, s, p, d in product([1, 2, 4], [1, (2, 1)], [0, (1, 3)], [1, 2, 4])
]


@pytest.fixture(autouse=True)
def double_precision():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


def image(channels=8):
    return torch.randn(1, channels, 18, 19)


def kernel(size, groups=1, out_channels=12, in_channels=8, bias=True):
    weight = torch.randn(out_channels, in_channels // groups, *size)
    return Kernel(weight, torch.randn(out_channels) if bias else None)


def equal(a, b):
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('geometry', GEOMETRIES, ids=str)
class TestLaws:
    """Linear laws hold whatever the stride, padding and dilation."""

    def test_add(self, size, geometry):
        a = kernel(size, geometry['groups'])
        b = kernel(size, geometry['groups'], bias=False)
        x = image()
        equal(
            F.conv2d(x, *K.add(a, b, a), **geometry),
            2 * F.conv2d(x, *a, **geometry) + F.conv2d(x, *b, **geometry))

    def test_scale(self, size, geometry):
        k, x = kernel(size, geometry['groups']), image()
        factor = torch.randn(12)
        equal(
            F.conv2d(x, *K.scale(k, factor), **geometry),
            F.conv2d(x, *k, **geometry) * factor[:, None, None])

    @pytest.mark.parametrize('affine', [True, False])
    @pytest.mark.parametrize('bias', [True, False])
    def test_fold_norm(self, size, geometry, affine, bias):
        k, x = kernel(size, geometry['groups'], bias=bias), image()
        norm = randomize_norms(nn.BatchNorm2d(12, affine=affine)).eval()
        equal(
            F.conv2d(x, *K.fold_norm(k, norm), **geometry),
            norm(F.conv2d(x, *k, **geometry)))

    def test_dense(self, size, geometry):
        k, x = kernel(size, geometry['groups']), image()
        plain = dict(geometry, dilation=1)
        equal(
            F.conv2d(x, *K.dense(k, [geometry['dilation']] * 2), **plain),
            F.conv2d(x, *k, **geometry))

    def test_separable(self, size, geometry):
        groups, x = geometry['groups'], image()
        depthwise = Kernel(torch.randn(24, 1, *size))
        pointwise = kernel((1, 1), groups, in_channels=24)
        both = K.separable(depthwise, pointwise, 8, groups)
        inner = F.conv2d(x, *depthwise, **dict(geometry, groups=8))
        equal(
            F.conv2d(x, *both, **geometry),
            F.conv2d(inner, *pointwise, groups=groups))

    def test_compose_with_the_padding_value(self, size, geometry):
        groups, x = geometry['groups'], image()
        first = kernel((1, 1), groups, out_channels=16)
        second = kernel(size, groups, in_channels=16)
        # zeros around x become first.bias around the output of first
        inner = F.conv2d(x, *first, groups=groups)
        value = first.bias[:, None, None]
        p = geometry['padding']
        edges = [p] * 4 if p == 0 else [p[1], p[1], p[0], p[0]]
        padded = F.pad(inner - value, edges) + value
        equal(
            F.conv2d(x, *K.compose(first, second, groups), **geometry),
            F.conv2d(padded, *second, **dict(geometry, padding=0)))


@pytest.mark.parametrize('few', [0, K.FEW], ids=['large', 'small'])
@pytest.mark.parametrize('groups', [1, 2, 4])
@pytest.mark.parametrize('sizes', product(SIZES, SIZES), ids=str)
def test_compose(sizes, groups, few, monkeypatch):
    """Large kernels are convolved, small ones are products of their taps."""
    monkeypatch.setattr(K, 'FEW', few)
    first = kernel(sizes[0], groups, out_channels=16)
    second = kernel(sizes[1], groups, in_channels=16, bias=groups != 2)
    x = image()
    both = K.compose(first, second, groups)
    equal(
        F.conv2d(x, *both, stride=2, groups=groups),
        F.conv2d(
            F.conv2d(x, *first, groups=groups),
            *second,
            stride=2,
            groups=groups))


@pytest.mark.parametrize('size', [(3, 3), (4, 4), (7, 5), (3, 6)])
@pytest.mark.parametrize('small', [(1, 1), (3, 3), (2, 2), (1, 3)])
def test_pad(size, small):
    k, x = kernel(small), image()
    top, left = [(n - 1) // 2 - (m - 1) // 2 for n, m in zip(size, small)]
    bottom, right = [
        n - m - before for n, m, before in zip(size, small, (top, left))
    ]
    padded = F.pad(x, (left, right, top, bottom))
    equal(F.conv2d(padded, *K.pad(k, size)), F.conv2d(x, *k))


@pytest.mark.parametrize('groups', [1, 2, 8])
def test_identity_and_average(groups):
    x = image()
    equal(F.conv2d(x, *K.identity(8, groups), groups=groups), x)
    equal(
        F.conv2d(
            x,
            *K.average(8, (3, 5), groups),
            groups=groups,
            stride=2,
            padding=(1, 2)), F.avg_pool2d(x, (3, 5), stride=2, padding=(1, 2)))


def test_differentiable():
    weight = torch.randn(4, 2, 3, 3, requires_grad=True)
    first = torch.randn(4, 2, 1, 1, requires_grad=True)

    def build(weight, first):
        k = K.compose(Kernel(first), Kernel(weight), 2)
        return K.add(k, K.pad(Kernel(first), (3, 3))).weight

    assert torch.autograd.gradcheck(build, (weight, first))


def test_errors():
    with pytest.raises(ValueError, match='different shapes'):
        K.add(kernel((1, 1)), kernel((3, 3)))
    with pytest.raises(ValueError, match=r'\(3, 3\) cannot be padded'):
        K.pad(kernel((3, 3)), (1, 3))
    with pytest.raises(TypeError, match='cannot fold GroupNorm'):
        K.fold_norm(kernel((1, 1)), nn.GroupNorm(2, 12))
