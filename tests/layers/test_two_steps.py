"""Branches of two steps agree with the same modules, run one by one."""
import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmrep import DBBConv2d
from mmrep.layers import recomputed
from mmrep.layers.two_steps import TwoSteps
from mmrep.testing import randomize_norms

NAMES = ('1x1_kxk', '1x1_average')
CASES = [
    dict(),
    dict(stride=2, groups=2),
    dict(dilation=2, padding=2),
    dict(kernel_size=5, padding=2, stride=(1, 2)),
    dict(kernel_size=(3, 1), padding=(1, 0)),
    dict(padding=2),
    dict(padding=0),
    dict(out_channels=6),
]
PARTS = ['first', 'first_norm', 'norm', 'second']


@pytest.fixture(params=[0, 2**16], ids=['recomputed', 'direct'])
def form(request, monkeypatch):
    """Choose the form for large features, or the one for small ones."""
    monkeypatch.setattr(recomputed, 'SMALL', request.param)


def make(dtype=torch.float64, **case):
    arguments = {**dict(out_channels=8, kernel_size=3, padding=1), **case}
    torch.manual_seed(0)
    layer = DBBConv2d(8, bias=False, dtype=dtype, branches=NAMES, **arguments)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    return randomize_norms(layer).train()


def image(dtype=torch.float64):
    torch.manual_seed(1)
    return torch.randn(2, 8, 7, 6, dtype=dtype, requires_grad=True)


def by_modules(branch, x, geometry):
    """Return the features as DBB defines them, the border on a canvas."""
    norm = branch.first_norm
    y = norm(F.conv2d(x, branch.first_weight(), groups=geometry.groups))
    deviation = (norm.running_var + norm.eps).sqrt()
    # a copy, since the next forward writes to the running mean
    edge = norm.bias - norm.weight * (norm.running_mean / deviation)
    left, right, top, bottom = geometry.edges
    height, width = y.shape[2:]
    canvas = edge[:, None, None].expand(
        len(y), -1, height + top + bottom, width + left + right).clone()
    canvas[..., top:top + height, left:left + width] = y
    groups, kernel = geometry.groups, getattr(branch, 'second', None)
    if kernel is None:
        groups, size = y.size(1), geometry.kernel_size
        kernel = x.new_full((groups, 1, *size), 1 / (size[0] * size[1]))
    return branch.norm(
        F.conv2d(canvas, kernel, None, geometry.stride, 0, geometry.dilation,
                 groups))


def tensors_of(branch, x):
    return dict(branch.named_parameters(), x=x)


def slopes(out, wanted, **kwargs):
    torch.manual_seed(2)
    return torch.autograd.grad(out, wanted, torch.randn_like(out), **kwargs)


def assert_close(names, found, expected, tolerance=1e-12):
    """Compare with the largest gradient of all: some are 0 but for noise."""
    size = max(each.abs().max() for each in expected)
    for name, one, other in zip(names, found, expected):
        assert (one - other).abs().max() <= tolerance * size, name


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('case', CASES, ids=str)
def test_same_numbers(form, name, case):
    layer = make(**case)
    branch, x, geometry = layer.branches[name], image(), layer.geometry
    twin = copy.deepcopy(branch)
    for _ in range(2):  # the second border is that of the first batch, too
        out, expected = branch(x, geometry), by_modules(twin, x, geometry)
        torch.testing.assert_close(out, expected, rtol=1e-12, atol=1e-12)
    mine, theirs = tensors_of(branch, x), tensors_of(twin, x)
    assert_close(mine, slopes(out, list(mine.values())),
                 slopes(expected, list(theirs.values())))
    for key, buffer in branch.named_buffers():
        torch.testing.assert_close(
            buffer, twin.get_buffer(key), rtol=1e-12, atol=1e-12, msg=key)


@pytest.mark.parametrize('memory', ['channels_last', 'contiguous_format'])
@pytest.mark.parametrize('dtype, tolerance', [(torch.float32, 1e-5),
                                              (torch.float64, 1e-12)])
def test_layouts_and_gradients_of_one_number(form, memory, dtype, tolerance):
    layer = make(dtype).to(memory_format=getattr(torch, memory))
    x = image(dtype).detach().to(memory_format=getattr(torch, memory))
    x.requires_grad_()
    for name, branch in layer.branches.items():
        twin = copy.deepcopy(branch)
        out = branch(x, layer.geometry)
        expected = by_modules(twin, x, layer.geometry)
        torch.testing.assert_close(out, expected, rtol=1e-5, atol=1e-5)
        grads = [
            torch.autograd.grad((each * each.detach()).sum() + each.sum(),
                                list(tensors_of(own, x).values()))
            for each, own in ((out, branch), (expected, twin))
        ]
        assert_close(tensors_of(branch, x), *grads, tolerance)


@pytest.mark.parametrize('name', NAMES)
def test_second_derivatives(form, name):
    layer, second = make(), []
    branch, x, geometry = layer.branches[name], image(), layer.geometry
    for own, run in ((branch, branch), (copy.deepcopy(branch), None)):
        out = run(x, geometry) if run else by_modules(own, x, geometry)
        wanted = list(tensors_of(own, x).values())
        first = slopes(out, wanted, create_graph=True)
        second.append(
            torch.autograd.grad(
                sum(each.square().sum() for each in first),
                wanted,
                allow_unused=True))
    none = [[each is None for each in found] for found in second]
    names = list(tensors_of(branch, x))
    # nothing depends on the shift at the end
    assert none[0] == none[1] == [name == 'norm.bias' for name in names]
    found = [[each for each in one if each is not None] for one in second]
    assert_close(names, *found, 1e-10)


@pytest.mark.parametrize('frozen', PARTS + ['x'])
def test_frozen_parts_have_no_gradient(form, frozen):
    layer, x = make(), image()
    expected, found = copy.deepcopy(layer), layer
    for net in (expected, found):
        net.zero_grad()
    expected(x).square().sum().backward()
    still = [n for n in dict(found.named_parameters()) if f'.{frozen}' in n]
    for name in still:
        found.get_parameter(name).requires_grad_(False)
    found(x.detach() if frozen == 'x' else x).square().sum().backward()
    assert still or frozen == 'x'
    names = [n for n in dict(found.named_parameters()) if n not in still]
    assert_close(names, [found.get_parameter(n).grad for n in names],
                 [expected.get_parameter(n).grad for n in names])
    assert all(found.get_parameter(n).grad is None for n in still)


def test_two_forwards_of_one_step(form):
    """A Siamese net differentiates both of its forwards together."""
    layer, x = make(), image()
    twin = copy.deepcopy(layer)
    for forward in (layer, twin):
        for branch in forward.branches.values():
            run = branch if forward is layer else (
                lambda *args, own=branch: by_modules(own, *args))
            sum(
                run(each, layer.geometry).square().mean()
                for each in (x, 2 * x + 1)).backward()
    pairs = list(layer.branches.parameters()), list(twin.branches.parameters())
    assert_close(range(99), *[[p.grad for p in each] for each in pairs], 1e-10)


def test_one_pixel_is_refused(form):
    layer = make(kernel_size=3, padding=1, stride=2)
    x = torch.randn(1, 8, 1, 2, dtype=torch.float64)
    for branch in layer.branches.values():
        with pytest.raises(ValueError, match='more than 1 value per channel'):
            branch(x, layer.geometry)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_autocast(form, dtype):
    layer, x = make(dtype), image(dtype)
    twin, grads = copy.deepcopy(layer), []
    for net, run in ((layer, lambda b, x: b(x, layer.geometry)),
                     (twin, lambda b, x: by_modules(b, x, layer.geometry))):
        with torch.autocast('cpu', dtype=torch.bfloat16):
            outs = [run(branch, x) for branch in net.branches.values()]
        sum(out.float().square().sum() for out in outs).backward()
        grads.append([p.grad for p in net.branches.parameters()])
        assert {out.dtype
                for out in outs
                } == {torch.bfloat16 if dtype == torch.float32 else dtype}
    assert_close(range(99), *grads, 0.05)


def test_what_the_backward_keeps():
    """One feature map a convolution, none of an average or of a norm."""
    layer, x = make(torch.float32), image(torch.float32)
    kept = []

    def pack(tensor):
        kept.append(tensor)
        return tensor

    recomputed.SMALL, before = 0, recomputed.SMALL
    try:
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            layer(x)
    finally:
        recomputed.SMALL = before
    maps = {t.data_ptr() for t in kept if t.shape == x.shape}
    # the input, the kxk, and both convolutions of 1x1_kxk
    assert len(maps) == 4


def test_changed_branches_run_as_they_are(form, monkeypatch):
    """A hook or a subclass sees the modules inside."""
    monkeypatch.setattr(TwoSteps, '__init__', None)  # nothing may use it
    layer, x, seen = make(), image(), []
    for branch in layer.branches.values():
        branch.first_norm.register_forward_hook(lambda *a: seen.append(a))

        class Changed(type(branch)):

            def padded(self, x, geometry):
                seen.append(x)
                return super().padded(x, geometry)

        other = copy.deepcopy(branch)
        other.first_norm._forward_hooks.clear()
        other.__class__ = Changed
        other(x, layer.geometry)
    layer(x)
    assert len(seen) == 4
