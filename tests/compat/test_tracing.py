"""Fails where an upgrade of torch traces in another way."""
import io

import pytest
import torch
from torch import fx, nn

from mmrep.compat.tracing import as_leaf, constant_in_onnx, is_transformed
from mmrep.errors import UserError

GONE = 'mmrep/compat/tracing.py needs another way to '
ONNX = GONE + 'keep what is made in an export out of the graph'


class Made(nn.Module):
    """A module that adds a value made from its weight."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))

    def forward(self, x):
        if isinstance(x, fx.Proxy):
            return as_leaf(self, x)
        with constant_in_onnx():
            made = self.weight.exp().sin()
        return x + made


def test_a_constant_of_onnx():
    onnx = pytest.importorskip('onnx')
    file = io.BytesIO()
    options = {} if torch.__version__ < '2.5' else dict(dynamo=False)
    torch.onnx.export(Made(), (torch.ones(2), ), file, **options)
    graph = onnx.load_from_string(file.getvalue()).graph
    kinds = {node.op_type for node in graph.node}
    assert 'Add' in kinds and not kinds & {'Exp', 'Sin'}, ONNX


def test_gradients_elsewhere():
    net = Made()
    net(torch.zeros(2)).sum().backward()
    assert net.weight.grad is not None


def test_a_leaf_of_a_symbolic_trace():
    traced = fx.symbolic_trace(nn.Sequential(Made()))
    assert [n.target for n in traced.graph.nodes
            if n.op == 'call_module'] == ['0'], GONE + 'be a leaf of torch.fx'
    with pytest.raises(UserError, match='by itself'):
        fx.symbolic_trace(Made())


def test_who_stands_behind():
    seen = []

    class Net(nn.Module):

        def forward(self, x):
            seen.append(is_transformed(self))
            return x

    net = Net()
    net(torch.ones(1))
    torch.jit.trace(net, torch.ones(1), check_trace=False)
    replica = net._replicate_for_data_parallel()
    replica(torch.ones(1))
    assert seen[0] is False and seen[-1] is True, (
        'Module._is_replica is gone: ' + GONE + 'know replicas')
    assert seen[1:] and all(seen[1:]), GONE + 'know a tracer'
