"""Transforms of gradients through a branch that recomputes."""
import copy

import pytest
import torch
from torch.autograd import forward_ad
from torch.func import functional_call, grad, vmap
from torch.utils.checkpoint import checkpoint

from mmrep.compat.autograd import may_run_again
from mmrep.deploy import relative_difference
from mmrep.layers import recomputed
from mmrep.layers.recomputed import may_recompute

from .test_two_steps import by_modules, image, make, slopes, tensors_of


@pytest.fixture(autouse=True)
def large(monkeypatch):
    """Take all features for large ones."""
    monkeypatch.setattr(recomputed, 'SMALL', 0)


@pytest.fixture(params=['1x1_kxk', '1x1_average'])
def case(request):
    """Return a branch, its twin, an image and the block's geometry."""
    layer = make()
    branch = layer.branches[request.param]
    return branch, copy.deepcopy(branch), image(), layer.geometry


def assert_same(found, expected):
    size = max(each.abs().max() for each in expected)
    for one, other in zip(found, expected):
        assert (one - other).abs().max() < 1e-10 * size


def wanted(branch, x):
    return list(tensors_of(branch, x).values())


def test_many_gradients_at_once(case):
    branch, twin, x, geometry = case
    out, expected = branch(x, geometry), by_modules(twin, x, geometry)
    many = torch.randn(3, *out.shape, dtype=out.dtype)

    def apart(seed):
        return torch.autograd.grad(
            out, wanted(branch, x), seed, retain_graph=True)

    batched = torch.autograd.grad(
        out, wanted(branch, x), many, is_grads_batched=True, retain_graph=True)
    for found in (vmap(apart)(many), batched):
        for i, seed in enumerate(many):
            assert_same([each[i] for each in found],
                        torch.autograd.grad(
                            expected, wanted(twin, x), seed,
                            retain_graph=True))


def test_tangents_of_gradients(case):
    branch, twin, x, geometry = case
    out, expected = branch(x, geometry), by_modules(twin, x, geometry)
    seed, tangent = torch.randn(2, *out.shape, dtype=out.dtype)
    with forward_ad.dual_level():
        found = torch.autograd.grad(out, wanted(branch, x),
                                    forward_ad.make_dual(seed, tangent))
        found = [forward_ad.unpack_dual(each).tangent for each in found]
    expected = torch.autograd.grad(expected, wanted(twin, x), tangent)
    pairs = [(f, e) for f, e in zip(found, expected) if f is not None]
    assert len(pairs) >= len(found) - 1  # nothing moves the first shift
    assert_same(*zip(*pairs))


def test_functional_gradients(case):
    branch, twin, x, geometry = case
    values = {name: p.detach() for name, p in branch.named_parameters()}

    def loss(values):
        buffers = {n: b.clone() for n, b in branch.named_buffers()}
        out = functional_call(branch, {**values, **buffers}, (x, geometry))
        return (out * torch.ones_like(out).cumsum(-1)).sum()

    expected = by_modules(twin, x, geometry)
    expected = (expected * torch.ones_like(expected).cumsum(-1)).sum()
    assert_same(
        grad(loss)(values).values(),
        torch.autograd.grad(expected, list(twin.parameters())))


@pytest.mark.parametrize('reentrant', [True, False])
def test_checkpointed_activations(case, reentrant):
    """The border is that of the first run, also of the second of two."""
    branch, twin, x, geometry = case
    inputs = x, (2 * x + 1).detach().requires_grad_()
    outs = [
        checkpoint(branch, each, geometry, use_reentrant=reentrant)
        for each in inputs
    ]
    expected = [by_modules(twin, each, geometry) for each in inputs]
    torch.manual_seed(3)
    weight = torch.randn_like(outs[0])
    for found, own in ((outs, branch), (expected, twin)):
        sum((each * weight).sum() for each in found).backward()
    assert_same([p.grad for p in branch.parameters()],
                [p.grad for p in twin.parameters()])


@pytest.mark.skipif(may_run_again(), reason='PyTorch before 2.5 does not tell')
def test_ordinary_forwards_leave_no_trace(case):
    branch, _, x, geometry = case
    slopes(branch(x, geometry), [x])
    assert not branch.seen.calls
    with torch.no_grad():
        branch(x, geometry)
    assert len(branch.seen.calls) == 1
    assert not copy.deepcopy(branch).seen.calls


def test_where_it_is_used(case):
    *_, x, _ = case
    assert may_recompute(x) and not may_recompute(x.to('meta'))
    assert not may_recompute(x[:0])
    vmap(lambda each: [may_recompute(each[None])] and each)(x)
    with forward_ad.dual_level():
        assert not may_recompute(x)


def test_the_trace_of_a_layer_is_of_plain_operations():
    layer, x = make(), image().detach()
    for norm in layer.norms_inside():
        norm.momentum = 0.  # else each run moves the border
    traced = torch.jit.trace(layer, x, check_trace=False)
    assert 'PythonOp' not in str(traced.inlined_graph)
    assert relative_difference(layer(x), traced(x)) < 1e-10
