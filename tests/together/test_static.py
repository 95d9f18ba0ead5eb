"""Plans on memory that stays, compiled and not."""
import copy
from functools import partial
from unittest import mock

import pytest
import torch

import mmrep
from mmrep.measure.launches import Launches
from mmrep.together import batcher, static
from mmrep.together.planning import plan_of
from mmrep.together.static import Compiled, Static

from ..marks import compiles
from .common import (assert_same, batchers, blocks, gradients, image, mixed,
                     stepped, twins)


class Eager(Static):
    """Static memory, without a compiler."""

    def prepared(self, function, batches):
        return partial(function, *batches)


class Late(Eager):
    """It fails to prepare the backward."""

    def prepared(self, function, batches):
        if hasattr(self, 'grads'):
            raise MemoryError('no memory\nat all')
        return super().prepared(function, batches)


class Never(Eager):
    """It fails at once."""

    def prepared(self, function, batches):
        raise MemoryError('no memory\nat all')


@pytest.fixture
def logged(monkeypatch):
    texts = []
    monkeypatch.setattr(static, 'print_log',
                        lambda text, *_, **__: texts.append(text))
    return texts


def nets(kind, monkeypatch, net=None):
    """Return two nets, of which the first runs plans in this way."""
    monkeypatch.setattr(batcher, 'Compiled', kind)
    together, apart = twins(net or mixed())
    return mmrep.batch_kernels(together, compiled=True), apart


@pytest.mark.parametrize('kind', [Eager, Late, Never])
def test_values_and_gradients(kind, monkeypatch, logged):
    together, apart = nets(kind, monkeypatch)
    for i in range(3):
        for net in (together, apart):
            net.zero_grad()
            with torch.no_grad():
                for parameter in net.parameters():
                    parameter.mul_(1 + i)
        found = stepped(together, image())
        assert_same(found, stepped(apart, image()))
    assert len(logged) == (kind is not Eager)
    for text in logged:
        assert text == ('the kernels of 4 blocks are made in batches, but '
                        f'not {kind.__name__.lower()}: no memory at all')


def test_several_forwards_before_a_backward(monkeypatch):
    """The memory that stays is of the last one: kernels are copies."""
    together, apart = nets(Eager, monkeypatch)
    for net in (together, apart):
        first, second = net(image()), net(image() + 1)
        with torch.no_grad():
            kept = net[0].weight.clone()
            net[0].weight.data.mul_(3)
            net(image())
            net[0].weight.data.copy_(kept)
        (first * second).sum().backward()
        net(image()).sum().backward()
    assert_same(gradients(together), gradients(apart))


def test_blocks_without_a_gradient(monkeypatch):
    """One of them shares a parameter with a block that has one."""
    net = mixed()
    net[4].weight = net[1].weight
    together, apart = nets(Eager, monkeypatch, net)
    for net in (together, apart):
        seen = []
        hook = net[1].register_forward_hook(lambda m, a, out: seen.append(out))
        net(image()).sum().backward()  # gradients that must be gone then
        net.zero_grad()
        net(image())
        hook.remove()
        seen[-1].square().sum().backward()
    assert_same(gradients(together), gradients(apart))


@pytest.mark.parametrize('frozen', [slice(None), slice(2)])
def test_frozen_blocks(frozen, monkeypatch):
    """They have a plan of their own, which runs while gradients are on."""
    net = mixed()
    net[frozen].requires_grad_(False)
    together, apart = nets(Eager, monkeypatch, net)
    x = image().requires_grad_()
    for _ in range(2):
        assert_same(stepped(together, x), stepped(apart, x))
    assert len(
        batchers(together)[0].known[0].engines) == (1 if frozen == slice(None)
                                                    else 2)


def test_second_derivatives(monkeypatch):
    found = []
    for net in nets(Eager, monkeypatch):
        net(image()).sum().backward()
        parameters = list(net.parameters())
        first = torch.autograd.grad(
            net(image()).square().sum(), parameters, create_graph=True)
        net.zero_grad()
        sum(grad.square().sum() for grad in first).backward()
        found.append(gradients(net))
    assert_same(*found)


def test_first_passes_in_inference_mode(monkeypatch):
    together, apart = nets(Eager, monkeypatch)
    with torch.inference_mode():
        together(image())
    assert_same(stepped(together, image()), stepped(apart, image()))
    with torch.inference_mode():
        assert_same(dict(o=together(image())), dict(o=apart(image())))


def test_copies_have_memory_of_their_own(monkeypatch):
    together, apart = nets(Eager, monkeypatch)
    together(image()).sum().backward()
    twin = copy.deepcopy(together)
    batch, = batchers(twin)
    assert batch.compiled and batch.known == []
    twin.zero_grad()
    assert_same(stepped(twin, image()), stepped(apart, image()))


@compiles
def test_compiled():
    """One test for all of it: a compiler takes some ten seconds."""
    layers = blocks('OREPAConv2d', 2, kernel_size=1, padding=0)
    together, apart = twins(layers)
    mmrep.batch_kernels(together, compiled=True)
    assert_same(stepped(together, image()), stepped(apart, image()))
    engine, = batchers(together)[0].known[0].engines
    assert type(engine) is Compiled and not engine._failed
    for net in (together, apart):
        net.zero_grad()
        for parameter in net.parameters():
            parameter.data.mul_(2)
    with mock.patch.object(static, 'compiled') as compiled:
        found = stepped(together, image())
        with torch.no_grad():
            together(image(batch=3))
    compiled.assert_not_called()
    assert_same(found, stepped(apart, image()))
    plan = plan_of(list(layers))
    direct = static.Direct(plan)
    counts = []
    for each in (direct, engine):
        with Launches() as seen, torch.no_grad():
            made = each.make(each.plan.tensors)
            each.pull(each.plan.tensors, [torch.ones_like(m) for m in made],
                      each.seen())
        counts.append(seen.count)
    assert counts[1] < counts[0]


def test_a_compiler_that_fails(monkeypatch, logged):

    def broken(*args):
        raise RuntimeError('no compiler')

    monkeypatch.setattr(static, 'compiled', broken)
    together, apart = twins(mixed())
    mmrep.batch_kernels(together, compiled=True)
    for _ in range(2):
        assert_same(stepped(together, image()), stepped(apart, image()))
    text, = logged
    assert text.endswith('not compiled: no compiler')
