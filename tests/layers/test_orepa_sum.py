"""The contraction agrees with the straightforward sum of branches."""
import math
from functools import partial

import pytest
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.checkpoint import checkpoint

from mmrep import OREPAConv2d
from mmrep import kernel as K
from mmrep.deploy import relative_difference
from mmrep.layers import KERNEL_BRANCHES
from mmrep.layers.orepa_branches import SeparableKernel, StagedKernel

SIZES = [(1, 1), (3, 3), (2, 2), (3, 5)]
OPTIONS = [
    dict(),
    dict(groups=2),
    dict(groups=8),  # doubles the inner channels
    dict(scaling='scalar'),
    dict(scaling='none'),
]
SUBSETS = [['prior', '1x1'], ['separable'], ['1x1_kxk'],
           ['separable', 'origin', 'average'], ['1x1_kxk', 'separable']]


def straightforward(layer):
    """Return the sum of each branch's scaled kernel."""
    return K.add(*layer.branch_kernels()).weight


def contracted(layer):
    return layer.kernel().weight


def make(size, dtype=torch.float64, channels=(8, 16), **options):
    torch.manual_seed(0)
    layer = OREPAConv2d(*channels, size, bias=False, dtype=dtype, **options)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    return layer


def gradients(layer, form, grad, **kwargs):
    wanted = dict(layer.named_parameters())
    found = torch.autograd.grad(form(layer), wanted.values(), grad, **kwargs)
    return dict(zip(wanted, found))


def check(layer, of_kernel, of_gradients):
    before = {n: p.detach().clone() for n, p in layer.named_parameters()}
    expected, kernel = straightforward(layer), contracted(layer)
    assert kernel.stride() == layer.weight.stride()
    assert relative_difference(expected, kernel) < of_kernel
    plain = torch.randn_like(kernel, memory_format=torch.contiguous_format)
    last = plain.to(memory_format=torch.channels_last)
    for grad in (plain, last,
                 plain.flip(0).transpose(0, 1).clone().transpose(0, 1)):
        given = grad.clone()
        expected = gradients(layer, straightforward, grad)
        found = gradients(layer, contracted, grad)
        assert torch.equal(grad, given)
        for name, value in found.items():
            assert relative_difference(expected[name],
                                       value) < of_gradients, name
    for name, parameter in layer.named_parameters():
        assert torch.equal(parameter, before[name])


@pytest.fixture
def twice():
    """Register branches like OREPA's own under other names."""
    kinds = dict(separable=SeparableKernel)
    kinds['1x1_kxk'] = StagedKernel
    for name, kind in kinds.items():
        KERNEL_BRANCHES.register_module(
            f'{name} again', module=type('Again', (kind, ), {}))
    yield [*kinds, *(f'{name} again' for name in kinds)]
    for name in kinds:
        del KERNEL_BRANCHES.module_dict[f'{name} again']


def test_several_branches_of_a_kind(twice):
    for names in (twice, [*twice, 'origin', 'prior', '1x1']):
        for groups in (1, 2):
            layer = make((3, 3), branches=names, groups=groups)
            assert len(layer.branches) >= 4
            check(layer, 1e-12, 1e-12)


@pytest.mark.parametrize('is_last', [False, True], ids=['', 'channels_last'])
@pytest.mark.parametrize('size', SIZES, ids=str)
@pytest.mark.parametrize('options', OPTIONS, ids=str)
def test_equals_the_straightforward_form(options, size, is_last):
    layer = make(size, **options)
    if is_last:
        layer.to(memory_format=torch.channels_last)
    check(layer, 1e-12, 1e-12)


@pytest.mark.parametrize('names', SUBSETS, ids=str)
@pytest.mark.parametrize('scaling', ['vector', 'none'])
def test_some_branches(names, scaling):
    layer = make((3, 3), branches=names, scaling=scaling)
    if 'origin' not in names:  # a constant, from a plain checkpoint
        nn.init.normal_(layer.weight)
    check(layer, 1e-12, 1e-12)


@pytest.mark.parametrize('channels, groups', [((64, 64), 1), ((60, 36), 4),
                                              ((5, 7), 1)])
def test_single_precision(channels, groups):
    check(make((3, 3), torch.float32, channels, groups=groups), 1e-6, 1e-5)
    check(make((1, 1), torch.float32, channels, groups=groups), 1e-6, 1e-5)


@pytest.mark.parametrize('size', [(1, 1), (3, 3)], ids=str)
def test_gradients_have_the_layout_of_their_parameters(size):
    layer = make(size)
    grad = torch.randn_like(layer.weight)
    for name, found in gradients(layer, contracted, grad).items():
        assert strides(found) == strides(layer.get_parameter(name)), name


def strides(tensor):
    """Return the strides of dimensions with more than one entry."""
    return [s for s, n in zip(tensor.stride(), tensor.shape) if n > 1]


@pytest.mark.parametrize('size', [(1, 1), (3, 3)], ids=str)
@pytest.mark.parametrize('groups', [1, 2])
def test_keeps_parameters_only(size, groups):
    layer, kept = make(size, groups=groups), []
    own = {
        t.untyped_storage().data_ptr()
        for t in (*layer.parameters(), *layer.buffers())
    }
    with saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        kernel = contracted(layer)
    kept = [t for t in kept if t.untyped_storage().data_ptr() not in own]
    # only constant filters of a few pixels are kept
    assert sum(t.untyped_storage().nbytes()
               for t in kept) < 0.05 * kernel.untyped_storage().nbytes()


@pytest.mark.parametrize('options', OPTIONS[:3], ids=str)
def test_second_derivative(options):
    layer = make((3, 3), **options)
    grad = torch.randn_like(layer.weight, requires_grad=True)
    found = []
    for form in (straightforward, contracted):
        first = gradients(layer, form, grad, create_graph=True)
        total = sum(value.square().sum() for value in first.values())
        found.append(torch.autograd.grad(total, [grad, *layer.parameters()]))
    for expected, value in zip(*found):
        assert relative_difference(expected, value) < 1e-12


def test_backward_twice():
    layer = make((3, 3))
    kernel = contracted(layer)
    grad = torch.randn_like(kernel)
    twice = [
        torch.autograd.grad(
            kernel, list(layer.parameters()), grad, retain_graph=True)
        for _ in range(2)
    ]
    assert all(map(torch.equal, *twice))


@pytest.mark.parametrize('is_reentrant', [False, True])
def test_activation_checkpointing(is_reentrant):
    """A layer runs twice over two batches, as shared heads do."""
    layer = OREPAConv2d(8, 8, 3, padding=1, groups=2, dtype=torch.float64)
    x = torch.randn(2, 8, 6, 6, dtype=torch.float64, requires_grad=True)
    found = []
    for run in (layer, partial(checkpoint, layer, use_reentrant=is_reentrant)):
        layer.zero_grad()
        for batch in (x, x + 1):
            run(run(batch).tanh()).square().mean().backward()
        found.append([p.grad.clone() for p in layer.parameters()])
    for expected, value in zip(*found):
        assert relative_difference(expected, value) < 1e-12


def test_functional_gradient():
    """torch.func differentiates one function, and many at once."""
    layer = make((3, 3))
    x = torch.randn(2, 8, 6, 6, dtype=torch.float64)
    values = {n: p.detach() for n, p in layer.named_parameters()}

    def loss(values):
        return torch.func.functional_call(layer, values, x).square().sum()

    expected = torch.autograd.grad(
        layer(x).square().sum(), list(layer.parameters()))
    found = torch.func.grad(loss)(values)
    for value, wanted in zip(found.values(), expected):
        assert relative_difference(wanted, value) < 1e-12
    both = {n: torch.stack([v, 2 * v]) for n, v in values.items()}
    many = torch.vmap(torch.func.grad(loss))(both)
    for name, value in found.items():
        assert relative_difference(value, many[name][0]) < 1e-12


def test_filters_are_of_double_precision():
    layer = make((3, 3), branches=['average', '1x1', 'prior'])
    average = layer.branches['average'].filters
    assert torch.equal(average, torch.full_like(average, 1 / 9))
    prior = layer.branches['prior'].filters[0, 0, :, 0]
    angles = torch.tensor([0.5, 1.5, 2.5], dtype=torch.float64) * math.pi / 3
    assert relative_difference(angles.cos(), prior) < 1e-15


@pytest.mark.parametrize('size', [(1, 1), (3, 3)], ids=str)
def test_backward_under_autocast(size):
    """Kernels are made in single precision, and so are their gradients."""
    layer = make(size, torch.float32)
    grad = torch.randn_like(layer.weight)
    expected = gradients(layer, contracted, grad)
    with torch.autocast('cpu', torch.bfloat16):
        found = gradients(layer, contracted, grad)
    for name, value in found.items():
        assert torch.equal(expected[name], value), name


def test_all_parameters_are_contiguous():
    """Otherwise safetensors, flattening and sharding would fail."""
    rich = OREPAConv2d.from_conv(nn.Conv2d(8, 16, 3))
    for layer in (make((1, 1)), make((3, 3)), rich):
        assert all(p.is_contiguous() for p in layer.parameters())
        vector = nn.utils.parameters_to_vector(layer.parameters())
        assert vector.numel() == sum(p.numel() for p in layer.parameters())
    assert rich.kernel().weight.is_contiguous()
