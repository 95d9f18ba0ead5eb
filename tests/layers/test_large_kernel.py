"""Blocks of large kernels with dilated ones beside them."""
import pytest
import torch
from torch.nn.functional import conv2d

from mmrep import LargeKernelConv2d
from mmrep.deploy import relative_difference
from mmrep.testing import randomize_norms

# (size, dilation) of each branch in UniRepLKNet up to 17, in RepLKNet above
PAPERS = {
    31: [(5, 1)],
    17: [(5, 1), (9, 2), (3, 4), (3, 5), (3, 7)],
    13: [(5, 1), (7, 2), (3, 3), (3, 4), (3, 5)],
    9: [(5, 1), (5, 2), (3, 3), (3, 4)],
}


def names(branches):
    return [f'{k}x{k}_d{d}' if d > 1 else f'{k}x{k}' for k, d in branches]


@pytest.mark.parametrize('train', [True, False])
@pytest.mark.parametrize('stride, dilation', [(1, 1), (2, 1), (1, 2)])
@pytest.mark.parametrize('size', PAPERS)
def test_is_the_sum_of_its_convolutions(size, stride, dilation, train):
    torch.manual_seed(0)
    layer = LargeKernelConv2d(
        4,
        4,
        size,
        stride,
        padding=size // 2 * dilation,
        dilation=dilation,
        groups=4,
        bias=False,
        branches=names(PAPERS[size]),
        dtype=torch.float64)
    randomize_norms(layer).train(train)
    x = torch.randn(2, 4, 20, 19, dtype=torch.float64)
    out = layer.norm(
        conv2d(x, layer.weight, None, stride, size // 2 * dilation, dilation,
               4))
    assert len(layer.branches) == len(PAPERS[size])
    for (small, spread), name in zip(PAPERS[size], names(PAPERS[size])):
        branch = layer.branches[name]
        reach = small // 2 * spread * dilation
        out = out + branch.norm(
            conv2d(x, branch.weight, None, stride, reach, spread * dilation,
                   4))
    assert relative_difference(out, layer(x)) < 1e-10
    if not train:
        assert relative_difference(out, layer.fuse()(x)) < 1e-10


@pytest.mark.parametrize('size', range(1, 32))
def test_default_branches_lie_inside(size):
    layer = LargeKernelConv2d(4, 4, size, groups=4, padding='same')
    reach = [(b.size[0] - 1) * b.spread + 1 for b in layer.branches.values()]
    assert all(1 < r <= size for r in reach)
    assert bool(reach) == (size >= 5)
    if size in PAPERS:
        assert set(layer.branches) == set(names(PAPERS[size]))
