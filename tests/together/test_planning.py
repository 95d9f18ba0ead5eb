"""Plans: what is made in which order, and where each block finds its own."""
import pytest
import torch
from torch import nn

import mmrep
from mmrep.together.engine import Direct, Seen
from mmrep.together.group import Group, Rows, filled
from mmrep.together.planning import plan_of

from .common import assert_same, blocks, mixed


def reps(net):
    """Return the outermost blocks of a net in rows."""
    return [m for m in net if isinstance(m, mmrep.RepConv2d)]


def nested():
    """Return blocks of two kinds whose inner blocks are of one kind."""
    made = [
        *blocks('RepVGGConv2d', nest='kxk'), *blocks('ACBConv2d', nest='kxk'),
        *blocks('RepVGGConv2d', nest='kxk', bias=False)
    ]
    for i, layer in enumerate(made):
        layer.kxk.weight.data.mul_(i + 1)
    return made


def kernels(layers):
    """Return the kernels of blocks, each by itself."""
    return {
        f'{i}.{name}': tensor.detach()
        for i, layer in enumerate(layers)
        for name, tensor in zip(('weight', 'bias'), layer.kernel())
        if tensor is not None
    }


def planned(plan):
    """Return the kernels that a plan makes."""
    found = plan.kernels(Direct(plan).make(plan.tensors))
    return {
        f'{i}.{name}': tensor.detach()
        for i, kernel in enumerate(found)
        for name, tensor in zip(('weight', 'bias'), kernel)
        if tensor is not None
    }


@pytest.mark.parametrize('layers, groups', [
    (reps(mixed()), 2),
    (reps(mixed())[::-1], 2),
    (nested(), 5),
    (nested()[::-1], 5),
    (nested()[1:4], 4),
])
def test_kernels_and_their_places(layers, groups):
    plan = plan_of(layers)
    assert plan.blocks == layers
    assert_same(planned(plan), kernels(layers))
    assert sum(isinstance(s, Group) for s in plan.stages) == groups


def test_inner_blocks_of_several_kinds_are_one_batch():
    """Their rows come in another order than the blocks around."""
    layers = nested()
    shuffled = [layers[i] for i in (4, 2, 0, 5, 3, 1)]
    plan = plan_of(shuffled)
    assert_same(planned(plan), kernels(shuffled))
    first = next(s for s in plan.stages if isinstance(s, Group))
    assert [shape[0] for shape in first.shapes] == [4]


def test_gradients_of_some_blocks():
    """Those without a gradient count as zeros in their batch."""
    layers = nested()
    plan = plan_of(layers)
    made = Direct(plan).make(plan.tensors)
    grads = [torch.randn_like(part) for part in made]
    grads[0] = grads[4] = None
    own = []
    for layer in layers:
        own += [t for t in layer.kernel() if t is not None]
    chosen = [(t, g) for t, g in zip(own, grads) if g is not None]
    wanted = [t for t in plan.tensors if t.requires_grad]
    expected = torch.autograd.grad([t for t, _ in chosen],
                                   wanted, [g for _, g in chosen],
                                   allow_unused=True)
    found = Direct(plan).pull(plan.tensors, grads, Seen(0, {}))
    for tensor, grad in zip(plan.tensors, found):
        if not tensor.requires_grad:
            assert grad is None
            continue
        there, *expected = expected
        there = torch.zeros_like(tensor) if there is None else there
        assert_same({0: grad}, {0: there})


def test_which_tensors_have_a_part():
    """A parameter of two blocks has one if either block has."""
    layers = reps(mixed())
    layers[2].weight = layers[0].weight
    plan = plan_of(layers)
    count = sum(map(len, plan.where))
    assert not any(plan.reached([None] * count))
    assert all(plan.reached([torch.ones(1)] * count))
    first = [torch.ones(1)] + [None] * (count - 1)
    found = {
        id(tensor)
        for tensor, there in zip(plan.tensors, plan.reached(first)) if there
    }
    inside = {id(t) for t in (*layers[0].parameters(), *layers[0].buffers())}
    assert found <= inside and id(layers[2].weight) in found


def test_norms_that_blocks_share():
    layers = [*blocks('RepVGGConv2d'), *blocks('ACBConv2d')]
    layers[1].norm.weight.data.mul_(3)
    layers[2].norm = layers[0].norm
    plan = plan_of(layers)
    assert_same(planned(plan), kernels(layers))


def test_a_batch_with_another_kernel_is_refused():
    layer, = blocks('RepVGGConv2d', 1)
    plan_of([layer])
    layer.merge = lambda: mmrep.Kernel(layer.weight * 1.5)
    with pytest.raises(RuntimeError, match='than a RepVGGConv2d by itself'):
        plan_of([layer])


def test_weights_that_are_not_finite():
    """A net that has diverged is not told that its blocks are others."""
    layer, = blocks('RepVGGConv2d', 1)
    nn.init.constant_(layer.weight, float('nan'))
    layer.weight.data[0] = 1
    plan_of([layer])
    nn.init.constant_(layer.weight, float('inf'))
    plan_of([layer])


def test_stages_that_nothing_needs_in_the_backward():
    plan = plan_of(reps(mixed()))
    assert not any(isinstance(stage, Group) for stage in plan.feeding)
    plan = plan_of(nested())
    assert sum(isinstance(stage, Group) for stage in plan.feeding) == 2


@pytest.mark.parametrize('rows', [[0], [1, 2], [2, 0, 2], [1, 1]])
def test_rows_of_a_batch(rows):
    values = [None, torch.randn(3, 4)]
    part = Rows(1, rows, torch.device('cpu'))
    expected = values[1][rows]
    assert torch.equal(part.of(values), expected)
    grad = torch.randn_like(expected)
    whole = torch.zeros(3, 4)
    for row, each in zip(rows, grad):
        whole[row] += each
    torch.testing.assert_close(part.whole(values, grad), whole)


def test_missing_gradients_are_zeros():
    grad = torch.ones(2)
    assert filled([None, None], [(2, ), (3, )]) == []
    found = filled([None, grad], [(3, ), (2, )])
    assert found[1] is grad and torch.equal(found[0], torch.zeros(3))
