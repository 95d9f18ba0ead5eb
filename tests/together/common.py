"""Small nets, with kernels made together and one by one."""
import copy
from unittest import mock

import torch
from torch import nn

import mmrep
from mmrep.testing import randomize_norms
from mmrep.together import batched
from mmrep.together.batcher import Batcher


def blocks(kind, count=2, width=4, nest=None, dtype=torch.float64, **options):
    """Return blocks in a row, with drawn values and norms in eval mode."""
    torch.manual_seed(0)
    options = dict(dict(kernel_size=3, padding=1), **options)
    layers = [
        getattr(mmrep, kind)(width, width, **options) for _ in range(count)
    ]
    for layer in layers if nest else ():
        layer.nest(nest)
    net = nn.Sequential(*layers).to(dtype)
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.5)
    return randomize_norms(net).eval()


def mixed(dtype=torch.float64):
    """Return OREPA blocks of one kind and RepVGG's of another one."""
    torch.manual_seed(1)
    pairs = [[
        mmrep.OREPAConv2d(4, 4, 1),
        mmrep.RepVGGConv2d(4, 4, 3, padding=1),
        nn.ReLU()
    ] for _ in range(2)]
    net = nn.Sequential(*[layer for pair in pairs for layer in pair])
    return randomize_norms(net).to(dtype).eval()


def image(dtype=torch.float64, batch=2):
    torch.manual_seed(2)
    return torch.randn(batch, 4, 7, 7, dtype=dtype)


def twins(net):
    """Return two copies of a net: kernels together, and one by one."""
    return (mmrep.batch_kernels(copy.deepcopy(net)),
            mmrep.batch_kernels(copy.deepcopy(net), False))


def gradients(net):
    return {name: p.grad for name, p in net.named_parameters()}


def stepped(net, x):
    """Return the outputs and gradients of one pass, by name."""
    out = net(x)
    out.square().sum().backward()
    return dict(gradients(net), output=out.detach())


def assert_same(found, expected, rtol=1e-12):
    """Compare tensors by name, or None, with the size of each."""
    assert list(found) == list(expected)
    for name, there in expected.items():
        assert (found[name] is None) == (there is None), name
        if there is not None and there.numel():
            size = max(there.abs().max().item(), 1e-30)
            torch.testing.assert_close(
                found[name],
                there,
                rtol=0,
                atol=rtol * size,
                msg=lambda text: f'{name}: {text}')


def batchers(net):
    """Return all batchers in a net."""
    return [
        hook.__self__ for module in net.modules()
        for hook in module._forward_pre_hooks.values()
        if isinstance(getattr(hook, '__self__', None), Batcher)
    ]


def in_batches(net):
    """Return the number of blocks in each plan that a net made last."""
    batcher, = batchers(net)
    return [len(e.plan.blocks) for e in batcher.known[-1].engines]


def watch_traces():
    """Return a mock of the function that traces, while it is entered."""
    return mock.patch.object(batched, 'trace', wraps=batched.trace)


def watch_kernels(layer):
    """Return a mock of a layer's own way to its kernel."""
    return mock.patch.object(layer, 'merge', wraps=layer.merge)
