"""A graph computes the same in fewer operations."""
import pytest
import torch
from torch.nn.functional import pad

from mmrep.measure.launches import Launches
from mmrep.together.graphs import trace

A, B, C = (torch.randn(2, 3, 3, dtype=torch.double) for _ in range(3))
ONE = (1, 1, 1, 1)


def twice(a, product):
    return a + product + product.exp()


SHORTER = {
    'product': (lambda a, b, c: a + b * c, 1),
    'product first': (lambda a, b, c: b * c + a, 1),
    'two products': (lambda a, b, c: b * c + a * c, 2),
    'products': (lambda a, b, c: a + b * c + a * c, 2),
    'a column': (lambda a, b, c: a + b * c[:, :, :1], 1),
    'no pixel': (lambda a, b, c: pad(a, (0, 0, 0, 0)) * b, 1),
    'paddings':
    (lambda a, b, c: pad(b, ONE).exp() + pad(c, ONE) + pad(a, ONE), 5),
    'all of it':
    (lambda a, b, c: pad(a, ONE) * 2 + pad(b * c, ONE) + pad(b * a, ONE), 6),
}
LONGER = {
    'of a number': (lambda a, b, c: a + b * 2, 2),
    'used twice': (lambda a, b, c: twice(a, b * c), 4),
    'another sum': (lambda a, b, c: torch.add(a, b * c, alpha=2), 2),
    'a smaller product': (lambda a, b, c: a + b[:, :1] * c[:, :1], 2),
    'with itself': (lambda a, b, c: b * c + b * c, 2),
    'a number': (lambda a, b, c: b * c + 1, 2),
    'other paddings': (lambda a, b, c: pad(a, ONE) + pad(b, (2, 0, 1, 1)), 3),
    'a padding with ones':
    (lambda a, b, c: a.sum() + pad(b, ONE) + pad(c, ONE, value=1.0), 5),
    # what follows counts on the layout of the sum
    'a turned one': (lambda a, b, c:
                     (b * c + a.transpose(1, 2)).view(2, -1) * 2, 3),
    'a turned padding':
    (lambda a, b, c:
     (pad(b, ONE) + pad(a, ONE).transpose(1, 2) + pad(c, ONE)).view(2, -1) * 2,
     6),
    'no pixel of a repeated one':
    (lambda a, b, c: pad(a[:, :1].expand_as(a), (0, 0)).view(2, -1) * 2, 2),
    'truths': (lambda a, b, c: (a > b) * 1.0 + (b > c) * 1.0, 5),
}


@pytest.mark.parametrize('name', [*SHORTER, *LONGER])
def test_the_same_in_fewer_operations(name):
    function, count = {**SHORTER, **LONGER}[name]
    graph = trace(lambda *tensors: (function(*tensors), ), [A, B, C])
    with Launches() as seen:
        found, = graph(C, A, B)
    torch.testing.assert_close(
        found, function(C, A, B), rtol=1e-14, atol=1e-14)
    assert seen.count == count


def test_a_compiler_gets_all_operations():
    """It joins them itself."""
    graph = trace(lambda a, b, c: (a + b * c, ), [A, B, C], joined=False)
    with Launches() as seen:
        graph(A, B, C)
    assert seen.count == 2
