"""Pools as matrices equal torch's for all sizes and bins."""
import pytest
import torch
from torch import nn

from mmrep.export.onnx_pool import MatrixPool, products_in, with_matrix_pools


@pytest.mark.parametrize('bins', [2, 3, 6, (1, 4), (5, None), (None, 3)])
@pytest.mark.parametrize('size', [(12, 12), (7, 5), (1, 13), (6, 31)])
def test_equals_torch(bins, size):
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    expected = nn.AdaptiveAvgPool2d(bins)(x)
    torch.testing.assert_close(MatrixPool(bins)(x), expected)


def test_global_pools_stay():
    """ONNX has global pools; a pool in two places is one matrix in both."""
    shared = nn.AdaptiveAvgPool2d(2)
    net = nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.AdaptiveAvgPool2d((1, 1)), shared,
        nn.Sequential(shared))
    with_matrix_pools(net)
    assert [type(m) for m in net[:2]] == [nn.AdaptiveAvgPool2d] * 2
    assert type(net[2]) is MatrixPool
    assert net[3][0] is net[2]


def test_a_pool_alone():
    assert type(with_matrix_pools(nn.AdaptiveAvgPool2d(3))) is MatrixPool


def test_products_that_pool():
    """Only products of two computed matrices are those of pools."""
    onnx = pytest.importorskip('onnx')
    nodes = [('Constant', [], 'fixed'), ('Relu', ['x'], 'a'),
             ('MatMul', ['a', 'x'], 'pool'),
             ('MatMul', ['pool', 'weight'], 'layer'),
             ('MatMul', ['fixed', 'layer'], 'other'),
             ('Add', ['other', 'a'], 'sum')]
    nodes = [
        onnx.helper.make_node(kind, takes, [name], name=name)
        for kind, takes, name in nodes
    ]
    weight = onnx.helper.make_tensor('weight', 1, [1], [0.])
    graph = onnx.helper.make_graph(nodes, 'net', [], [], [weight])
    assert products_in(graph) == ['pool']
