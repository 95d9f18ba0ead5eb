"""Fails where an upgrade of torch hides its compiler or its transforms."""
import torch
from torch import nn
from torch.autograd import forward_ad

from mmrep.compat.compiling import (is_batch_of_old, is_compiling,
                                    is_functional, made_once, without_compiler)

from ..marks import compiles

GONE = 'mmrep/compat/compiling.py needs another way to know '


def which(x):
    return x + 1 if is_compiling() else x - 1


def test_is_false_without_a_compiler():
    assert which(torch.zeros(1)) == -1


@compiles
def test_is_true_under_a_compiler():
    compiled = torch.compile(which, backend='eager', fullgraph=True)
    assert compiled(torch.zeros(1)) == 1, GONE + 'a compiler'


def test_torch_func():
    seen = []

    def function(x):
        seen.append(is_functional())
        return x.sum()

    function(torch.ones(2))
    torch.func.grad(function)(torch.ones(2))
    torch.func.vmap(function)(torch.ones(2, 2))
    with forward_ad.dual_level():
        function(torch.ones(2))
    assert seen == [False, True, True, True], GONE + 'torch.func'


def test_batches_that_autograd_makes():
    x, seen = torch.ones(2, requires_grad=True), []
    y = x * 2
    y.register_hook(lambda grad: seen.append(is_batch_of_old(grad)))
    torch.autograd.grad(y, x, torch.ones(2), retain_graph=True)
    torch.autograd.grad(y, x, torch.ones(3, 2), is_grads_batched=True)
    assert seen == [False, True], GONE + 'batches of gradients'


@compiles
def test_what_is_compiled():
    net = nn.Identity()
    wrapped = torch.compile(net, backend='eager')
    assert without_compiler(wrapped) is net, GONE + 'what was compiled'
    assert without_compiler(net) is net


def test_results_are_made_once():
    calls = []

    @made_once
    def double(number):
        calls.append(number)
        return [2 * number]

    assert double(2) is double(2) and double(3) == [6]
    assert calls == [2, 3]


@compiles
def test_a_compiler_sees_no_cache():
    calls = []

    @made_once
    def double(number):
        calls.append(number)
        return 2 * number

    def function(x):
        return x * double(3)

    double(3)
    compiled = torch.compile(function, backend='eager', fullgraph=True)
    assert compiled(torch.ones(1)) == 6, GONE + 'a compiler'
