"""Content of INT8 files; scales per channel are finer."""
import pytest
import torch
from torch import nn

from mmrep.errors import UserError
from mmrep.export.onnx_export import count_nodes, to_onnx
from mmrep.export.onnx_session import run, session
from mmrep.inference.int8_quantize import METHODS, quantize

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')


class Net(nn.Module):
    """A net whose large weights read a channel that is always zero."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 8, 3),
            nn.ReLU(), nn.Conv2d(8, 4, 1))
        with torch.no_grad():
            self.layers[0].weight[0, 2] = 20

    def forward(self, x):
        return (self.layers(x), )

    def names(self, _):
        return ['out']


@pytest.fixture(scope='module')
def case():
    """The file, images, and its outputs for them."""
    torch.manual_seed(0)
    data = to_onnx(Net().eval(), (1, 3, 12, 12))
    images = [torch.randn(1, 3, 12, 12) for _ in range(8)]
    for image in images:
        image[:, 2] = 0
    return data, images, [run(session(data), x)[0] for x in images]


def error_of(data, case):
    _, images, expected = case
    found = torch.cat([run(session(data), x)[0] for x in images])
    expected = torch.cat(expected)
    return ((found - expected).norm() / expected.norm()).item()


def test_granularity(case):
    """One scale for all is too coarse for the small channels."""
    data, images, _ = case
    fine, coarse = (
        error_of(quantize(data, images, per_channel), case)
        for per_channel in (True, False))
    assert 0 < fine < 0.03
    assert coarse > 2 * fine


def test_file(case):
    """Weights are signed bytes; ranges replace the ReLUs."""
    import onnx
    data, images, _ = case
    int8 = quantize(data, images, True)
    graph = onnx.load_from_string(int8).graph
    counts = count_nodes(int8)
    assert counts['Conv'] == 3 and counts['Relu'] == 0
    assert counts['QuantizeLinear'] == 4  # the input and each output
    weights = [w for w in graph.initializer if len(w.dims) == 4]
    assert len(weights) == 3
    assert {w.data_type for w in weights} == {onnx.TensorProto.INT8}


@pytest.mark.parametrize('method', METHODS)
def test_methods(case, method):
    data, images, _ = case
    assert error_of(quantize(data, images, True, method), case) < 0.1


def test_nothing_to_calibrate_with(case):
    with pytest.raises(UserError, match='cannot quantise'):
        quantize(case[0], [], True)
