"""Chains of views are one view; results lie where copies would put them."""
import pytest
import torch

from mmrep.together.graphs import trace
from mmrep.together.views import name_of

A, B = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
OLD = torch.__version__.startswith('2.1.')  # it traces more views


def names(graph):
    return [name_of(n) for n in graph.graph.nodes if n.op == 'call_function']


def check(graph, function, *tensors):
    found, expected = graph(*tensors), function(*tensors)
    for one, other in zip(found, expected):
        assert torch.equal(one, other)
        assert one.stride() == other.stride()


PARTS = {
    'select': lambda a: a[1] * 2,
    'select a negative one': lambda a: a[:, -1] * 2,
    'slice': lambda a: a[:, 1:3] * 2,
    'slice to the end': lambda a: a[..., 2:] * 2,
    'negative slice': lambda a: a[:, -2:] * 2,
    'beyond the end': lambda a: a[:, 1:99] * 2,
    'before the start': lambda a: a[:, -99:2] * 2,
    'part of a part': lambda a: a[1][1:, 2] * 2,
    'turned': lambda a: a.transpose(0, 2)[3].t()[1:] * 2,
    'all of it': lambda a: a[:, 0:3] * 2,
    'steps': lambda a: a[:, ::2] * 2,
}


@pytest.mark.parametrize('name', PARTS)
def test_parts_are_one_view(name):

    def function(a):
        return PARTS[name](a),

    graph = trace(function, [A])
    check(graph, function, B)
    assert len(names(graph)) <= 2 + (name == 'steps')


def test_parts_of_a_part():
    """An argument may begin anywhere in its memory."""

    def function(a):
        return a[1, 1:] * 2,

    graph = trace(function, [A])
    both = torch.stack([A, B])
    check(graph, function, both[1])


COPIES = {
    'mul':
    lambda a, b: (a * b[:, :, :1]).permute(2, 0, 1).contiguous() + 1,
    'add':
    lambda a, b: (a + b).transpose(0, 1).contiguous().flatten() + 1,
    'addcmul':
    lambda a, b: torch.addcmul(a, a, b).permute(2, 1, 0).contiguous() + 1,
    'of a turned one':
    lambda a, b: (a.transpose(0, 2) * 2 * b.transpose(0, 2)).contiguous() + 1,
    'a dimension of one':
    lambda a, b:
    (a * b)[:, None].permute(3, 1, 0, 2).contiguous().view(4, 2, 3) * 2,
}


@pytest.mark.parametrize('name', COPIES)
def test_results_lie_where_a_copy_would_put_them(name):

    def function(a, b):
        return COPIES[name](a, b),

    graph = trace(function, [A, B])
    assert 'clone' not in names(graph) or OLD
    check(graph, function, B, A)
    for dtype in (torch.float64, torch.bfloat16):
        twins = [A.to(dtype), B.to(dtype)]
        check(trace(function, twins), function, *twins)


def twice(product):
    return product.transpose(0, 1).contiguous() + product.transpose(0, 1)


STAY = {
    'used elsewhere, too': lambda a, b: twice(a * b),
    'repeated': lambda a, b:
    (a * b)[:, None].expand(2, 5, 3, 4).contiguous() + 1,
    'another sum': lambda a, b: torch.add(a, b, alpha=2).mT.contiguous() + 1,
    'a part': lambda a, b: (a * b)[:, :2].transpose(0, 1).contiguous() + 1,
}


@pytest.mark.parametrize('name', STAY)
def test_copies_that_stay(name):

    def function(a, b):
        return STAY[name](a, b),

    graph = trace(function, [A, B])
    assert 'clone' in names(graph)
    check(graph, function, B, A)


@pytest.mark.parametrize('name', ['mul', 'add', 'addcmul'])
def test_gradients(name):
    """Where gradients are on, autograd sees operations that it knows."""
    graph = trace(lambda a, b: (COPIES[name](a, b), ), [A, B])
    found = []
    for function in (graph, lambda a, b: (COPIES[name](a, b), )):
        a, b = A.clone().requires_grad_(), B.clone().requires_grad_()
        out, = function(a, b)
        out.square().sum().backward()
        found.append((out.detach(), a.grad, b.grad))
    for one, other in zip(*found):
        torch.testing.assert_close(one, other)
