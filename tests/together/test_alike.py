"""Which blocks have their kernels made in batches, and which together."""
import pytest
import torch
from mmengine.registry import MODELS
from torch import nn
from torch.nn.utils import parametrizations

import mmrep
from mmrep.kernel import Kernel
from mmrep.layers import KERNEL_BRANCHES, KernelBranch
from mmrep.together import alike
from mmrep.together.alike import (can_batch, inner_blocks, key_of, outermost,
                                  own_norms, own_tensors)

from .common import (assert_same, blocks, image, in_batches, mixed, stepped,
                     twins)


class Twofold(mmrep.RepConv2d):
    """``conv_kxk(x) + strength * conv_kxk_2(x)``, of somebody else's."""

    def __init__(self, *args, strength=2., **kwargs):
        super().__init__(*args, **kwargs)
        self.strength = strength
        self.other = nn.Parameter(torch.ones_like(self.weight))
        self.reset_parameters()

    def branch_kernels(self):
        yield Kernel(self.weight)
        yield Kernel(self.other * self.strength)

    def reset_parameters(self):
        nn.init.kaiming_uniform_(self.weight)
        self.reset_bias()

    def silence(self):
        nn.init.zeros_(self.other)


class Pure(Twofold):
    """It says that its kernel depends on its tensors and arguments alone."""
    batchable = True


class Later(Pure):
    """A kind does not inherit what another one says of itself."""


class InPlace(Pure):
    """It writes into its kernel."""
    batchable = True

    def branch_kernels(self):
        weight = self.weight * 1
        weight[:, 1:] = self.other[:, 1:] * self.strength
        yield Kernel(weight)


class Reading(Pure):
    """It reads a number, which no trace can show."""
    batchable = True

    def branch_kernels(self):
        yield Kernel(self.weight * max(1., float(self.other.sum())))


class Drawing(Pure):
    """It says what is not true: its kernel depends on an attribute."""
    batchable = True
    calls = 0

    def branch_kernels(self):
        Drawing.calls += 1
        yield Kernel(self.weight * Drawing.calls)


@pytest.fixture(autouse=True)
def registered():
    before = dict(MODELS.module_dict), dict(KERNEL_BRANCHES.module_dict)
    for kind in (Twofold, Pure, Later, InPlace, Reading, Drawing):
        MODELS.register_module(module=kind)
    yield
    for registry, names in zip((MODELS, KERNEL_BRANCHES), before):
        registry.module_dict.clear()
        registry.module_dict.update(names)


def row(kind, count=2):
    torch.manual_seed(0)
    return nn.Sequential(*[kind(4, 4, 3, padding=1)
                           for _ in range(count)]).double()


@pytest.mark.parametrize('kind, expected', [
    (Twofold, []),
    (Pure, [2]),
    (Later, []),
    (InPlace, [2]),
])
def test_kinds_of_others(kind, expected):
    together, apart = twins(row(kind))
    assert_same(stepped(together, image()), stepped(apart, image()))
    assert in_batches(together) == expected


@pytest.mark.parametrize('kind', [Reading, Drawing])
def test_kinds_that_are_no_function_of_tensors(kind):
    together, apart = twins(row(kind))
    together(image())  # it plans
    found = []
    for net in (together, apart):
        Drawing.calls = 10
        found.append(dict(o=net(image())))
    assert_same(*found)
    assert in_batches(together) == []


def test_options_of_others_tell_blocks_apart():
    net = row(Pure)
    assert key_of(net[0]) == key_of(net[1])
    net[1].strength = 3.
    assert key_of(net[0]) != key_of(net[1])


def test_branches_of_others():

    @KERNEL_BRANCHES.register_module('loud')
    class Loud(KernelBranch):

        def forward(self):
            return Kernel(self.weight.expand(-1, -1, *self.kernel_size))

    made = [
        mmrep.OREPAConv2d(4, 4, 3, padding=1, branches=['origin', 'loud'])
        for _ in range(2)
    ]
    assert not any(can_batch(layer, True) for layer in made)
    Loud.batchable = True
    assert all(can_batch(layer, True) for layer in made)
    together, apart = twins(nn.Sequential(*made).double())
    assert_same(stepped(together, image()), stepped(apart, image()))
    assert in_batches(together) == [2]


def frozen_dtype(layer):
    layer.norm.running_var = None


def a_view(layer):
    """As FSDP sets weights that are parts of one parameter."""
    whole = nn.Parameter(torch.zeros(2, *layer.weight.shape))
    del layer.weight
    layer.weight = whole[0]


class Named(nn.Parameter):
    """A tensor that may compute something else."""


CHANGES = {
    'norm trains': lambda m: m.norm.train(),
    'no statistics': frozen_dtype,
    'hook': lambda m: m.register_forward_pre_hook(lambda *_: None),
    'hook inside': lambda m: m.norm.register_forward_pre_hook(print),
    'spectral norm': nn.utils.spectral_norm,
    'parametrized': parametrizations.weight_norm,
    'view': a_view,
    'kind of tensor': lambda m: setattr(m, 'weight', Named(m.weight.data)),
    'meta': lambda m: m.to('meta'),
    'shard': lambda m: setattr(m.weight, 'data', m.weight.data[:2]),
}


@pytest.mark.parametrize('name', CHANGES)
def test_blocks_by_themselves(name):
    layer, = blocks('RepVGGConv2d', 1)
    assert can_batch(layer, True) and not can_batch(layer, False)
    CHANGES[name](layer)
    assert not can_batch(layer, True)


def test_only_small_kernels_on_a_cpu(monkeypatch):
    layer, = blocks('OREPAConv2d', 1)
    monkeypatch.setattr(alike, 'SMALL', layer.weight.numel())
    assert can_batch(layer, True)
    monkeypatch.setattr(alike, 'SMALL', layer.weight.numel() - 1)
    assert not can_batch(layer, True)


DIFFERENT = [
    lambda m: m.double(), lambda m: setattr(m.norm, 'eps', 0.1),
    lambda m: m.weight.requires_grad_(False),
    lambda m: m.to(memory_format=torch.channels_last),
    lambda m: m.set_options(['1x1'], ['kxk']),
    lambda m: setattr(m, 'bias', None)
]
SAME = [
    lambda m: nn.init.ones_(m.weight), lambda m: setattr(m, 'stride', (2, 2)),
    lambda m: setattr(m, 'padding', (0, 0)), lambda m: m.train()
]


@pytest.mark.parametrize('change', DIFFERENT)
def test_blocks_that_differ(change):
    one, other = blocks('RepVGGConv2d', dtype=torch.float32)
    change(other)
    assert key_of(one) != key_of(other)


@pytest.mark.parametrize('change', SAME)
def test_blocks_that_are_alike(change):
    one, other = blocks('RepVGGConv2d', dtype=torch.float32)
    change(other)
    assert key_of(one) == key_of(other)


def test_blocks_with_other_blocks_inside():
    one, other = blocks('ACBConv2d', nest='kxk', dtype=torch.float32)
    assert key_of(one) == key_of(other)
    other.kxk.set_options(['1x1'], ['kxk'])
    other.eval()
    assert key_of(one) != key_of(other)


def test_what_belongs_to_a_block_itself():
    layer, = blocks('OREPAVGGConv2d', 1)
    inner = inner_blocks(layer)
    assert [type(m).__name__
            for m in inner.values()] == ['OREPAConv2d'] * len(inner) and inner
    inside = {id(t) for m in inner.values() for t in m.parameters()}
    names = own_tensors(layer)
    assert inside.isdisjoint(map(id, names.values()))
    norms = own_norms(layer)
    assert norms and not any(
        id(n.weight) in map(id, names.values()) for n in norms)
    found = inside | {id(t)
                      for t in names.values()
                      } | {id(t)
                           for n in norms
                           for t in n.parameters()}
    assert found == {id(t) for t in layer.parameters()}


def test_blocks_within_blocks_are_found_once():
    net = nn.ModuleList([mixed(), *blocks('OREPAVGGConv2d', 1)])
    net.append(net[0][0])
    found = outermost(net, True)
    assert found == [net[0][0], net[0][1], net[0][3], net[0][4], net[1]]
    net[1].norm.train()  # then those inside are outermost
    inner = list(inner_blocks(net[1]).values())
    assert outermost(net, True)[4:] == inner
