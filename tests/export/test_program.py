"""Programs agree with torch at all sizes that they claim."""
import types

import pytest
import torch
from torch import nn

from mmrep.export.program import (FREEDOMS, VERSION, export, need_export,
                                  other_shapes)

from ..refusals import sentence

SHAPE = (2, 3, 64, 96)
EVERY, MULTIPLES, BATCH, NONE = FREEDOMS
pytestmark = pytest.mark.skipif(
    not hasattr(
        getattr(getattr(torch, 'export', None), 'Dim', None), 'DYNAMIC'),
    reason='torch has no such export')


class Function(nn.Module):
    """A net that computes a given function."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.eval()

    def forward(self, x):
        return (self.function(x), )


def joins_strides(x):
    """As the neck of YOLOX: the coarse map and the fine one must fit."""
    pool = nn.functional.max_pool2d
    fine, coarse = pool(x, 16, ceil_mode=True), pool(x, 32, ceil_mode=True)
    coarse = nn.functional.interpolate(coarse, scale_factor=2.)
    return torch.cat([fine, coarse], 1)


def exported(function, reference=None):
    net = Function(function)
    return export(net, reference or net, SHAPE)


@pytest.mark.parametrize('function, free', [
    (lambda x: x.relu(), EVERY),
    (joins_strides, MULTIPLES),
    (lambda x: x * int(x.shape[3]), BATCH),
    (lambda x: x * int(x.shape[0]), NONE),
])
def test_axes_are_as_free_as_the_function(function, free):
    program = exported(function)
    assert program.free == free.text and program.worst == 0
    shapes = other_shapes(SHAPE if free.batch else (1, *SHAPE[1:]), free)
    assert program.shapes == shapes
    assert len(shapes) == 1 + free.batch + bool(free.step)


@pytest.mark.parametrize('freedom', FREEDOMS)
def test_other_shapes_differ_in_free_axes(freedom):
    batch, channels, height, width = (
        len(set(sizes)) > 1 for sizes in zip(*other_shapes(SHAPE, freedom)))
    assert (batch, channels) == (freedom.batch, False)
    assert height == width == bool(freedom.step)


def test_what_differs_is_refused():
    message = sentence(exported, lambda x: x, lambda x: (x * 1.01, ))
    assert 'differ by 9.9e-03 relative' in message and '1e-04' in message


def test_values_that_decide_are_refused(capfd):
    message = sentence(exported, lambda x: x if x.sum() > 0 else -x)
    assert 'torch cannot export this model' in message
    assert capfd.readouterr() == ('', '')


def test_a_model_that_does_not_run_is_refused():
    message = sentence(exported, lambda x: x @ x[..., :1, :])
    assert 'does not run on an input' in message


@pytest.mark.parametrize('old', [None, object, types.SimpleNamespace()])
def test_old_versions_are_refused(monkeypatch, old):
    need_export()
    monkeypatch.setattr(torch, 'export',
                        types.SimpleNamespace(Dim=old) if old else None)
    assert f'install PyTorch {VERSION}' in sentence(need_export)
