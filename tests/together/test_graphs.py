"""Traces compute what the function does, in fewer operations."""
import pytest
import torch

from mmrep.measure.launches import Launches
from mmrep.together.graphs import trace

A, B = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
C, D = torch.randn(2, 3, 4), torch.randn(2, 3, 4)


def in_place(a, b):
    """Write to a part of a new tensor, and to a view of it."""
    out = a.new_zeros(2, 3, 8)
    out[:, :, ::2] = a
    out[:, 0].add_(b.sum())
    return out,


def views(a, b):
    flat = a.transpose(1, 2).reshape(2, 12).view(2, 4, 3).transpose(1, 2)
    return flat.unsqueeze(0).squeeze(0) * b, b.permute(2, 0, 1) + 1


def repeated(a, b):
    return (a * b).exp() + (a * b).exp(), (b * 2) * 1 + (b * 2)


def constants(a, b):
    """Half of it depends on no argument."""
    eye = torch.eye(4, dtype=a.dtype).mul(3).flip(0)[:3]
    return a * (eye + eye), b + 1


def unused(a, b):
    (a.exp() * b).sum()
    return a + b,


def shared(a, b):
    """Results that share memory with an argument, or with each other."""
    out = a * b
    return a, b.transpose(1, 2), out, out.flatten(1), out


def chained(a, b):
    """Views of views that another operation needs half-way, too."""
    half = a.view(6, 4).t()
    return half + 1, half.reshape(4, 2, 3).permute(1, 2, 0) * b


def selected(a, b):
    return a[1] + b[0, 1], a[:, 1:].flatten() * 2, a.expand(2, 2, 3, 4) + b


FUNCTIONS = [
    in_place, views, repeated, constants, unused, shared, chained, selected
]
over_functions = pytest.mark.parametrize(
    'function', FUNCTIONS, ids=lambda f: f.__name__)


@over_functions
@pytest.mark.parametrize('joined', [True, False])
def test_results(function, joined):
    graph = trace(function, [A, B], joined)
    for a, b in ((A, B), (C, D)):
        before = a.clone(), b.clone()
        found, expected = graph(a, b), function(a, b)
        assert len(found) == len(expected)
        for one, other in zip(found, expected):
            torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)
        torch.testing.assert_close((a, b), before, rtol=0, atol=0)


@over_functions
def test_results_have_memory_of_their_own(function):
    """They go to layers; a change of one must change no other tensor."""
    a, b = A.clone(), B.clone()
    for graph in (trace(function, [A, B]), trace(function, [A, B], False)):
        found = graph(a, b)
        places = [t.untyped_storage().data_ptr() for t in (*found, a, b)]
        assert len(set(places)) == len(places)
        again = graph(a, b)
        assert not {t.untyped_storage().data_ptr()
                    for t in again} & set(places)


@pytest.mark.parametrize('function, count', [
    (repeated, 5),
    (constants, 2),
    (unused, 1),
    (views, 3),
])
def test_operations(function, count):
    """A copy to another layout, and the products and sums; no more."""
    graph = trace(function, [A, B])
    with Launches() as seen:
        graph(A, B)
    assert seen.count == count


def test_chains_of_views_are_one():
    graph = trace(views, [A, B])
    names = [str(n.target) for n in graph.graph.nodes]
    assert not any('transpose' in name or 'permute' in name for name in names)


def test_functions_with_gradients():
    """A trace may run where gradients are off, and hold derivatives."""

    def pull(a, b):
        _, back = torch.func.vjp(lambda x: (x * x * b).sum(), a)
        return back(torch.ones(()))

    with torch.no_grad():
        graph = trace(pull, [A, B])
    torch.testing.assert_close(graph(C, D)[0], 2 * C * D)


def test_gradients_of_a_trace():
    graph = trace(in_place, [A, B])
    a = C.clone().requires_grad_()
    graph(a, D)[0].square().sum().backward()
    expected = C.clone().requires_grad_()
    in_place(expected, D)[0].square().sum().backward()
    torch.testing.assert_close(a.grad, expected.grad)
