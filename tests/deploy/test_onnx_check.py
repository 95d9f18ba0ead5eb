"""The comparison notices differences."""
import sys

import pytest
import torch
from torch import nn

from mmrep.deploy.onnx_check import (need_packages, run, session,
                                     worst_of_shapes)
from mmrep.deploy.onnx_export import to_onnx
from mmrep.errors import UserError

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')

SHAPES = [(2, 3, 8, 8), (2, 3, 8, 8)]


class Net(nn.Module):

    def __init__(self, factor=1., outputs=1):
        super().__init__()
        self.factor, self.outputs = factor, outputs

    def forward(self, x):
        return (self.factor * x.relu(), ) * self.outputs

    def names(self, outputs):
        return [f'out{i}' for i in range(outputs)]


@pytest.fixture(scope='module')
def data():
    return to_onnx(Net(), (2, 3, 8, 8))


def test_equal(data):
    assert worst_of_shapes(data, Net(), SHAPES) == 0
    x = torch.randn(2, 3, 8, 8)
    assert run(session(data), x)[0].equal(x.relu())


def test_different(data):
    worst = worst_of_shapes(data, Net(1.001), SHAPES)
    assert worst == pytest.approx(1e-3, rel=0.01)
    for wrong in (Net(outputs=2), lambda x: (x[..., :1], ), Net(torch.nan)):
        assert worst_of_shapes(data, wrong, SHAPES) == float('inf')


def test_missing_packages(monkeypatch):
    need_packages()
    monkeypatch.setattr('mmrep.deploy.onnx_check.find_spec', lambda name: None
                        if 'runtime' in name else sys)
    with pytest.raises(UserError, match='pip install onnxruntime'):
        need_packages()
