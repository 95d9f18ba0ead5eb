"""Fails where an upgrade of torch hides what its operations are."""
import pytest
import torch

from mmrep.compat.dispatching import DispatchMode, is_view, writes

aten = torch.ops.aten


@pytest.mark.parametrize('operation, view', [
    (aten.view.default, True),
    (aten.t.default, True),
    (aten.detach.default, True),
    (aten.slice.Tensor, True),
    (aten.unsqueeze_.default, True),
    (aten.add.Tensor, False),
    (aten.add_.Tensor, False),
    (aten.mm.out, False),
    (aten._foreach_add_.Scalar, False),
])
def test_views(operation, view):
    assert is_view(operation) == view


@pytest.mark.parametrize('operation, expected', [
    (aten.view.default, False),
    (aten.add.Tensor, False),
    (aten.add_.Tensor, True),
    (aten.mm.out, True),
    (len, False),
])
def test_writes(operation, expected):
    assert writes(operation) == expected


def test_a_mode_sees_the_backward():
    seen = []

    class Mode(DispatchMode):

        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
            seen.append(operation.name())
            return operation(*args, **(kwargs or {}))

    x = torch.ones(2, requires_grad=True)
    with Mode():
        x.tanh().sum().backward()
    assert {'aten::tanh', 'aten::tanh_backward'} <= set(seen)
