"""OREPA's kernels of many blocks are those of each block by itself."""
import pytest
import torch
from torch import nn

import mmrep
from mmrep.layers import KERNEL_BRANCHES, KernelBranch
from mmrep.layers.orepa_branches import SeparableKernel, StagedKernel
from mmrep.layers.orepa_terms import KernelPair
from mmrep.measure.launches import Launches
from mmrep.together.sums import Sums, columns_of, is_sum

from .common import assert_same

SPATIAL = ['origin', 'average', 'prior', '1x1_kxk', '1x1', 'separable']
BRANCHES = {
    'all': SPATIAL,
    'rows apart': ['average', '1x1', 'origin'],
    'no origin': SPATIAL[1:],
    'filters': ['prior', '1x1'],
    'pair': ['1x1_kxk'],
    'channels': ['separable', 'origin'],
    'channels alone': ['separable'],
}
CASES = [(size, names, options) for size in ((3, 3), (2, 5))
         for names in BRANCHES
         for options in (dict(), dict(groups=2), dict(scaling='scalar'))]
CASES += [((1, 1), None, options)
          for options in (dict(), dict(groups=2), dict(scaling='none'))]
CASES += [((3, 3), 'all', dict(scaling='none')),
          ((3, 3), 'all', dict(groups=8)),
          ((3, 3), 'all', dict(internal_channels=16)),
          ((3, 3), 'pair', dict(internal_channels=24, groups=2))]


def blocks(size=(3, 3), names='all', count=3, channels=(8, 16), **options):
    torch.manual_seed(0)
    made = [
        mmrep.OREPAConv2d(
            *channels, size, branches=BRANCHES.get(names), **options)
        for _ in range(count)
    ]
    for parameter in nn.ModuleList(made).parameters():
        nn.init.normal_(parameter)
    return [block.double() for block in made]


def batches_of(layers):
    together = zip(*map(columns_of, layers))
    return [
        torch.stack([t.detach() for column in same for t in column])
        for same in together
    ]


@pytest.mark.parametrize('is_last', [False, True], ids=['', 'last'])
@pytest.mark.parametrize('size, names, options', CASES, ids=str)
def test_kernels_and_gradients(size, names, options, is_last):
    layers = blocks(size, names, **options)
    for block in layers if is_last else ():
        block.to(memory_format=torch.channels_last)
    assert all(map(is_sum, layers))
    sums, batches = Sums(layers[0]), batches_of(layers)
    made = sums(*batches)
    grads = [torch.randn_like(each) for each in made]
    found = sums.pull(*batches, *grads)
    for i, block in enumerate(layers):
        kernel = block.kernel()
        assert_same(
            dict(enumerate(each[i] for each in made)), dict(enumerate(kernel)))
        total = sum(
            (each * grad[i]).sum() for each, grad in zip(kernel, grads))
        parameters = dict(block.named_parameters())
        expected = dict(
            zip(parameters, torch.autograd.grad(total, parameters.values())))
        mine = {}
        for whole, column in zip(found, columns_of(block)):
            for j, tensor in enumerate(column):
                name = [n for n, p in parameters.items() if p is tensor]
                if name:
                    mine[name[0]] = whole[i * len(column) + j]
        assert_same({name: mine[name] for name in expected}, expected)


def test_the_pull_is_the_gradient_of_the_call():
    layers = blocks(groups=2)
    sums, batches = Sums(layers[0]), batches_of(layers)
    batches = [batch.requires_grad_() for batch in batches]
    made = sums(*batches)
    grads = [torch.randn_like(each) for each in made]
    expected = torch.autograd.grad(made, batches, grads)
    found = sums.pull(*batches, *grads)
    constant = [i for i, each in enumerate(found) if each is None]
    assert len(constant) == 1  # the filters
    for i, each in enumerate(found):
        if i not in constant:
            torch.testing.assert_close(each, expected[i])


def test_wanted_gradients_alone():
    layers = blocks()
    sums, batches = Sums(layers[0]), batches_of(layers)
    grads = [torch.randn_like(each) for each in sums(*batches)]
    every = sums.pull(*batches, *grads)
    wanted = [i % 3 > 0 and g is not None for i, g in enumerate(every)]
    found = sums.pulled(wanted)(*batches, *grads)
    assert len(found) == sum(wanted)
    expected = [g for g, needed in zip(every, wanted) if needed]
    assert all(map(torch.equal, found, expected))


def test_branches_of_one_shape_are_one_batch():
    columns = columns_of(blocks()[0])
    assert [len(column) for column in columns] == [1, 1, 1, 1, 1, 3, 3, 1, 1]


def test_several_branches_of_a_kind():
    for name, kind in (('pair', StagedKernel), ('channels', SeparableKernel)):
        KERNEL_BRANCHES.register_module(
            name, module=type('Again', (kind, ), {}))
    try:
        names = [*SPATIAL, 'pair', 'channels']
        layers = [mmrep.OREPAConv2d(8, 8, 3, branches=names) for _ in range(2)]
        for parameter in nn.ModuleList(layers).double().parameters():
            nn.init.normal_(parameter)
        made = Sums(layers[0])(*batches_of(layers))
        for i, block in enumerate(layers):
            assert_same(
                dict(weight=made[0][i]), dict(weight=block.kernel().weight))
    finally:
        del KERNEL_BRANCHES.module_dict['pair']
        del KERNEL_BRANCHES.module_dict['channels']


class Other(KernelPair):
    """A term of somebody else's."""


class Doubled(mmrep.OREPAConv2d):
    """Its kernel is another one."""

    def merge(self):
        weight, bias = super().merge()
        return mmrep.Kernel(2 * weight, bias)


def test_blocks_that_are_no_such_sum():
    assert not is_sum(mmrep.RepVGGConv2d(4, 4, 3))
    assert not is_sum(Doubled(4, 4, 3))
    assert not is_sum(mmrep.OREPAConv2d(4, 4, 7))  # a stem
    assert not is_sum(mmrep.OREPAConv2d(4, 4, 3, branches=['origin']))
    block = mmrep.OREPAConv2d(4, 4, 3)
    block.branches['1x1'].filters = block.branches['1x1'].filters.double()
    assert not is_sum(block)
    block.register_parameter('more', nn.Parameter(torch.ones(1)))
    assert not is_sum(block)
    block = mmrep.OREPAConv2d(4, 4, 3)
    block.branches['1x1_kxk'].term = lambda: Other(1, True)
    assert not is_sum(block)
    assert columns_of(block)  # each tensor by itself


def test_a_branch_that_has_a_kernel_only():

    class Corner(KernelBranch):

        def forward(self):
            weight = nn.functional.pad(self.weight, (0, 2, 0, 2))
            return mmrep.Kernel(weight)

    KERNEL_BRANCHES.register_module('corner', module=Corner)
    try:
        names = ['origin', 'corner']
        assert not is_sum(mmrep.OREPAConv2d(4, 4, 3, branches=names))
    finally:
        del KERNEL_BRANCHES.module_dict['corner']


@pytest.mark.parametrize('size, most', [(3, (12, 33)), (1, (5, 19))])
def test_few_operations(size, most):
    """They are those of the batch, whatever the number of blocks.

    One of them loads the batches; a few copy the gradients of the kernels.
    """
    for count in (1, 6):
        layers = [mmrep.OREPAConv2d(4, 4, size) for _ in range(count)]
        net = mmrep.batch_kernels(nn.ModuleList(layers))
        net.forward = lambda: [block.kernel().weight for block in net]
        wanted = [p for p in net.parameters() if p.dim() > 1]
        seeds = [torch.ones_like(block.weight) for block in net]
        for _ in range(2):
            with Launches() as forward:
                kernels = net()
            with Launches() as backward:
                torch.autograd.grad(kernels, wanted, seeds)
        assert forward.count <= most[0]
        assert backward.count <= most[1]
