"""Mixed precision, memory formats and compilers."""
import shutil

import pytest
import torch
from torch import nn

import mmrep

from ..marks import compiles
from .case import EXACT, Case, relative
from .over import over
from .strategies import cases

SINGLE = dict(dtypes=[torch.float32])


def autocast():
    return torch.autocast('cpu', dtype=torch.bfloat16)


@over(100, case=cases(**SINGLE))
def test_autocast_makes_kernels_in_float32(case):
    layer = case.build()
    expected = layer.kernel()
    with autocast(), torch.no_grad():
        for tensor, same in zip(layer.kernel(), expected):
            assert tensor is same or torch.equal(tensor, same)
        assert torch.equal(layer.fuse().weight, expected.weight)


@over(100, case=cases(**SINGLE))
def test_autocast_rounds_the_fused_kernel_alone(case):
    layer, x = case.build(), case.image()
    conv = layer.fuse()
    with autocast(), torch.no_grad():
        out = layer(x)
        assert out.dtype == torch.bfloat16 and torch.equal(out, conv(x))


@over(60, case=cases(statistics=['random'], **SINGLE))
def test_autocast_trains(case):
    layer, x = case.build().train(), case.image()
    for norm in layer.norms_inside():
        norm.eval()
    with autocast():
        loss = layer(x).float().square().sum()
    loss.backward()
    for parameter in layer.parameters():
        assert parameter.grad.dtype == torch.float32
        assert parameter.grad.isfinite().all()


@over(150, case=cases())
def test_channels_last(case):
    layer, x, conv = case.build(), case.image(), case.conv()
    for module in (layer, conv):
        module.to(memory_format=torch.channels_last)
    last = x.to(memory_format=torch.channels_last)
    fused = layer.fuse()
    with torch.no_grad():
        case.check(layer(last), layer, x)
        case.check(fused(last), layer, x)
        if conv.weight.is_contiguous() or last.is_contiguous():
            return  # both formats are the same
        assert is_last(fused(last)) == is_last(conv(last))
        if case.shape['padding_mode'] == 'zeros':
            assert is_last(layer(last))


def is_last(out):
    return out.is_contiguous(memory_format=torch.channels_last)


def check_compiled(model, case, backend):
    torch._dynamo.reset()
    compiled = torch.compile(model, backend=backend, fullgraph=True)
    x = case.image()
    with torch.no_grad():
        assert relative(compiled(x), model(x)) < EXACT[case.dtype]


@compiles
@over(25, case=cases(statistics=['random']))
def test_compiled_fused_net(case):
    model = nn.Sequential(case.build(), nn.ReLU6(), nn.Tanh())
    check_compiled(mmrep.fuse(model), case, 'aot_eager')


@pytest.mark.skipif(
    torch.__version__.startswith(('2.1.', '2.2.')),
    reason='that compiler reads no properties of named tuples')
@over(10, case=cases(statistics=['random']))
def test_compiled_rich_net(case):
    """Differences count beside the largest feature, as all rounding does."""
    check_compiled(nn.Sequential(case.build(), nn.ReLU()), case, 'eager')


@compiles
@pytest.mark.skipif(not shutil.which('g++'), reason='inductor needs g++')
def test_inductor():
    shape = dict(in_channels=4, out_channels=6, kernel_size=3, padding=1)
    case = Case(mmrep.DBBConv2d, shape, {}, torch.float32, (9, 9), 'random', 0)
    model = mmrep.fuse(case.build())
    check_compiled(model, case, 'inductor')
