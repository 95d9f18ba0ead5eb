"""tools/benchmark_kernels.py times the kernels of real configs."""
import re

import pytest
import torch

from mmrep.layers.orepa_sum import Sum

CONFIG = 'configs/pspnet_orepa_r18_shapes.py'


@pytest.fixture
def tool(load_tool):
    return load_tool('benchmark_kernels')


def test_table(tool, capsys):
    tool.main([CONFIG, '--rounds', '1'])
    out = capsys.readouterr().out
    rows = dict(
        re.findall(
            r'(branch by branch|contracted|products alone)\W+[\d.]+'
            r'\W+([\d.]+)', out))
    assert len(rows) == 3 and rows['contracted'] == '1.00'
    assert 'multiply-adds' in out


def test_forms_are_what_they_are_called(tool, monkeypatch):
    """All make the same kernels, with gradients of all parameters."""
    calls = []
    apply = Sum.apply
    monkeypatch.setattr(Sum, 'apply', lambda *a: calls.append(1) or apply(*a))
    layers = tool.orepa_layers(CONFIG)
    found = []
    for form in (tool.straightforward, tool.contracted):
        calls.clear()
        kernels = [form(layer) for layer in layers]
        assert len(calls) == (form is tool.contracted) * len(layers)
        found.append(kernels)
    for expected, kernel in zip(*found):
        torch.testing.assert_close(kernel, expected)


def test_products_are_those_of_the_layers(tool):
    for layer in tool.orepa_layers(CONFIG):
        first, second = tool.products_of(layer)
        out = torch.bmm(second, first)
        assert out.numel() == layer.weight.numel()


@pytest.mark.parametrize('arguments, message', [
    (['configs/faster_rcnn_dbb_r50_coco.py'], 'has no OREPAConv2d'),
    ([CONFIG, '--rounds', '0'], '--rounds (=0) must be at least 1'),
    (['configs/none.py'], 'none.py'),
])
def test_refuses(tool, capsys, arguments, message):
    with pytest.raises(SystemExit) as stop:
        tool.main(arguments)
    assert stop.value.code != 0
    assert message in capsys.readouterr().err
