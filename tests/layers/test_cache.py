"""The cache computes anew exactly when a tensor changed."""
import copy
import pickle

import pytest
import torch

from mmrep.layers.cache import Cache


class Double:
    """Counts how often it is asked for twice the tensor."""

    def __init__(self, tensor):
        self.tensor, self.calls = tensor, 0

    def __call__(self):
        self.calls += 1
        return self.tensor * 2


@pytest.fixture
def double():
    return Double(torch.ones(3))


def test_computes_once(double):
    cache = Cache()
    for _ in range(3):
        assert cache.get([double.tensor], double).equal(torch.full((3, ), 2.))
    assert double.calls == 1


@pytest.mark.parametrize('change', [
    lambda t: t.add_(1),
    lambda t: t.copy_(torch.zeros(3)),
    lambda t: setattr(t, 'data', torch.zeros(3)),
    lambda t: t.data.mul_(3),
    lambda t: setattr(t, 'data', t.data.double()),
])
def test_changes_are_seen(double, change):
    cache = Cache()
    for _ in range(4):
        cache.get([double.tensor], double)
        change(double.tensor)
        assert cache.get([double.tensor], double).equal(double.tensor * 2)


def test_clear(double):
    cache = Cache()
    cache.get([double.tensor], double)
    double.tensor.data.mul_(5)  # behind autograd's counter
    cache.clear()
    assert cache.get([double.tensor], double).equal(torch.full((3, ), 10.))


def test_inference_tensors_are_not_cached():
    with torch.inference_mode():
        double = Double(torch.ones(3))
        cache = Cache()
        cache.get([double.tensor], double)
        double.tensor.add_(1)
        assert cache.get([double.tensor], double).equal(torch.full((3, ), 4.))


def test_the_value_is_no_inference_tensor(double):
    cache = Cache()
    with torch.inference_mode():
        value = cache.get([double.tensor], double)
    assert not value.is_inference() and not value.requires_grad


def test_copies_start_empty(double):
    cache = Cache()
    cache.get([double.tensor], double)
    for twin in (copy.deepcopy(cache), pickle.loads(pickle.dumps(cache))):
        twin.get([double.tensor], double)
    assert double.calls == 3
