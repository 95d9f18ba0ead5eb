"""Kernels in batches are those that each block makes by itself."""
import gc
import weakref

import pytest
import torch
from torch import nn

import mmrep
from mmrep.together import batched
from mmrep.together.engine import Direct
from mmrep.together.function import make_kernels
from mmrep.together.planning import plan_of

from .common import (assert_same, blocks, gradients, image, in_batches,
                     stepped, twins, watch_traces)

OREPA, DBB, STEM = 'OREPAConv2d', 'DBBConv2d', dict(kernel_size=7, padding=3)
POINT = dict(kernel_size=1, padding=0)
SPREAD = dict(groups=2, dilation=2, stride=2, bias=False)
TWO_STAGES = dict(branches=['1x1_kxk'])
KINDS = {
    'orepa': (OREPA, dict()),
    'orepa 1x1': (OREPA, POINT),
    'orepa 1x3': (OREPA, dict(kernel_size=(1, 3), padding=(0, 1))),
    'orepa groups': (OREPA, dict(SPREAD, internal_channels=8)),
    'orepa depthwise': (OREPA, dict(groups=4, scaling='scalar')),
    'orepa no origin': (OREPA, dict(branches=['1x1'], padding_mode='reflect')),
    'orepa origin': (OREPA, dict(branches=['origin'])),
    'orepa none': (OREPA, dict(branches=['origin', '1x1'], scaling='none')),
    'stem': (OREPA, STEM),
    'plain stem': (OREPA, dict(branches=['plain_stem', 'origin'], **STEM)),
    'dbb': (DBB, dict(norms=['kxk', 'branches', 'sum'])),
    'dbb groups': (DBB, dict(TWO_STAGES, **SPREAD)),
    'repvgg': ('RepVGGConv2d', dict()),
    'nested kxk': ('ACBConv2d', dict(nest='kxk')),
    'nested second': (DBB, dict(TWO_STAGES, nest='second')),
    'mobileone': ('MobileOneConv2d', dict(bias=False, groups=4)),
    'qarepvgg': ('QARepVGGConv2d', dict()),
    'orepavgg': ('OREPAVGGConv2d', dict()),
    'large': ('LargeKernelConv2d', dict(kernel_size=5, padding=2)),
    'dilated': ('BranchedConv2d', dict(branches=['1x1', '3x3_d2'])),
}
over_kinds = pytest.mark.parametrize('name', KINDS)


def batched_and_not(name, **options):
    kind, own = KINDS[name]
    return twins(blocks(kind, **own, **options))


@over_kinds
def test_values_and_gradients(name):
    together, apart = batched_and_not(name)
    assert_same(stepped(together, image()), stepped(apart, image()))
    assert in_batches(together) == [2]


@pytest.mark.parametrize('name', ['orepa 1x1', 'repvgg'])
def test_in_single_precision(name):
    together, apart = batched_and_not(name, dtype=torch.float32)
    for found, twin in zip(kernels_in(together), apart):
        for one, other in zip(found, twin.kernel()):
            assert_same({0: one}, {0: other}, 1e-6)
    x = image(torch.float32)
    assert_same(stepped(together, x), stepped(apart, x), 1e-5)
    assert in_batches(together) == [2]


def kernels_in(net):
    """Return the kernels of blocks in a row while the net runs."""
    seen = []
    hooks = [
        layer.register_forward_hook(
            lambda layer, args, out: seen.append(layer.kernel()))
        for layer in net
    ]
    net(image(net[0].origin.dtype))
    for hook in hooks:
        hook.remove()
    return seen


@pytest.mark.parametrize('name', ['orepa 1x1', 'repvgg'])
def test_channels_last(name):
    last = dict(memory_format=torch.channels_last)
    together, apart = (net.to(**last) for net in batched_and_not(name))
    x = image().to(**last)
    assert_same(stepped(together, x), stepped(apart, x))
    for weight, _ in kernels_in(together):
        assert weight.is_contiguous(**last)


@pytest.mark.parametrize('name', ['orepa 1x1', 'dilated'])
def test_second_derivatives(name):
    """The step of a meta-learner: gradients of a norm of gradients."""
    found = []
    for net in batched_and_not(name):
        parameters = dict(net.named_parameters())
        loss = net(image()).square().sum()
        first = torch.autograd.grad(
            loss, list(parameters.values()), create_graph=True)
        sum(grad.square().sum() for grad in first).backward()
        found.append(gradients(net))
    assert_same(*found)
    assert any(grad.abs().max() > 1 for grad in found[0].values())


def test_second_derivatives_after_inference_mode(monkeypatch):
    """A plan that is made in that mode serves all later passes."""
    monkeypatch.setattr(batched, '_made', {})
    together, apart = batched_and_not('orepa')
    found = []
    for net in (together, apart):
        with torch.inference_mode():
            net(image())
        parameters = list(net.parameters())
        first = torch.autograd.grad(
            net(image()).square().sum(), parameters, create_graph=True)
        sum(grad.square().sum() for grad in first).backward()
        found.append(gradients(net))
    assert_same(*found)


def test_norms_that_never_train():
    together, apart = batched_and_not('repvgg')
    for net in (together, apart):
        for layer in net:
            layer.keep_norms_in_eval()
        net.train()
    assert_same(stepped(together, image()), stepped(apart, image()))
    assert in_batches(together) == [2]


def test_one_trace_for_all_nets_of_a_structure():
    with watch_traces() as traces:
        for width in (3, 5, 3):
            net = mmrep.batch_kernels(blocks(OREPA, width=width, **POINT))
            net(torch.randn(1, width, 4, 4,
                            dtype=torch.double)).sum().backward()
        assert traces.call_count == 4


INNER = dict(type='OREPAConv2d', branches=['origin', '1x1'])
AROUND = {
    'X': ('BranchedConv2d', dict(branches={'1x1_kxk': dict(second=INNER)})),
    'Y': ('RepVGGConv2d', dict(kxk=INNER))
}


def test_inner_blocks_with_others_around(monkeypatch):
    """Their rows of a batch, and its gradient, lie in memory otherwise."""
    monkeypatch.setattr(batched, '_made', {})
    for kinds in ('XYX', 'XX', 'XXX'):
        layers = [blocks(kind, 1, **o) for kind, o in map(AROUND.get, kinds)]
        net = nn.Sequential(*layers).to(memory_format=torch.channels_last)
        together, apart = twins(net)
        assert_same(stepped(together, image()), stepped(apart, image()))
        assert in_batches(together) == [len(kinds)]


def test_a_trace_saves_nothing_for_autograd(monkeypatch):
    """A checkpoint compares what two forwards save, and one has no trace."""
    monkeypatch.setattr(batched, '_made', {})
    net, counts, saved = mmrep.batch_kernels(blocks(DBB, 1)), [], []
    for _ in range(2):
        saved.clear()
        with torch.autograd.graph.saved_tensors_hooks(saved.append, id):
            net(image())
        counts.append(len(saved))
    assert counts[0] == counts[1] > 0


def test_no_memory_of_nets_that_are_gone(monkeypatch):
    monkeypatch.setattr(batched, '_made', {})
    net = mmrep.batch_kernels(blocks('RepVGGConv2d'))
    net(image()).sum().backward()
    seen = [weakref.ref(net[0]), weakref.ref(net[0].weight)]
    del net
    gc.collect()
    assert [each() for each in seen] == [None, None]


@pytest.mark.parametrize('layout',
                         [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize('size', [1, 3])
def test_kernels_have_the_layout_of_weights(size, layout):
    """Convolutions, and so all features, take after the layout of kernels."""
    net = nn.Sequential(
        mmrep.OREPAConv2d(4, 8, size),
        mmrep.OREPAConv2d(8, 8, size)).to(memory_format=layout)
    outs = [mmrep.batch_kernels(net)(torch.randn(2, 4, 9, 9))]
    outs += [mmrep.batch_kernels(net, False)(torch.randn(2, 4, 9, 9))]
    plan = plan_of(list(net))
    for block, kernel in zip(net, make_kernels(Direct(plan))):
        assert kernel.weight.stride() == block.weight.stride()
    assert outs[0].stride() == outs[1].stride()
