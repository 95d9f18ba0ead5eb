"""Kernels are made once while a model is used but not trained."""
from unittest import mock

import torch
from torch import nn

import mmrep
from mmrep import keep_kernels
from mmrep.testing import randomize_norms


def net():
    torch.manual_seed(0)
    layers = [mmrep.DBBConv2d(4, 4, 3), mmrep.OREPAConv2d(4, 4, 3)]
    return randomize_norms(nn.Sequential(*layers)).eval()


def kernels_made(model, times=3):
    """Return how often kernels are made in some forward passes."""
    made = []
    with torch.no_grad():
        for layer in model:
            spy = mock.patch.object(layer, 'merge', wraps=layer.merge)
            made.append(spy.start())
        for _ in range(times):
            model(torch.randn(1, 4, 9, 9))
    mock.patch.stopall()
    return [spy.call_count for spy in made]


def test_only_inside():
    model = net()
    assert kernels_made(model) == [3, 3]
    with keep_kernels(model) as same:
        assert same is model
        assert kernels_made(model) == [1, 1]
    assert kernels_made(model) == [3, 3]


def test_only_of_this_model():
    model, other = net(), net()
    with keep_kernels(model[0]):
        assert kernels_made(model) == [1, 3]
        assert kernels_made(other) == [3, 3]


def test_inside_of_another():
    model = net()
    with keep_kernels(model):
        with keep_kernels(model):
            assert kernels_made(model) == [1, 1]
        assert kernels_made(model) == [1, 1]
        assert kernels_made(model) == [0, 0]
    assert kernels_made(model) == [3, 3]


def test_it_ends_with_an_error():
    model = net()
    try:
        with keep_kernels(model):
            raise KeyError
    except KeyError:
        assert kernels_made(model) == [3, 3]
