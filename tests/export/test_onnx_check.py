"""The comparison notices differences."""
import pytest
import torch
from torch import nn

from mmrep.export.input_kinds import IMAGES
from mmrep.export.onnx_check import Traced, compare_tensors, worst_of_shapes
from mmrep.export.onnx_export import to_onnx
from mmrep.export.onnx_session import run, session

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


def test_images():
    """Decoded images are bytes, also where a file is compared."""
    net = Net()
    net.takes = IMAGES
    net.forward = lambda images: (images.float(), )
    data = to_onnx(net, (1, 8, 9, 3), ('batch', ))
    taken, = session(data).get_inputs()
    assert (taken.name, taken.type) == ('image', 'tensor(uint8)')
    assert taken.shape == ['batch', 8, 9, 3]
    traced = Traced([(1, 8, 9, 3), (2, 8, 9, 3)], (), kind=IMAGES)
    drawn = list(traced.inputs())
    assert [tuple(x.shape) for x in drawn] == traced.shapes
    assert {x.dtype for x in drawn} == {torch.uint8}
    assert compare_tensors(net, data, traced).fault is None
    wrong = compare_tensors(lambda x: (x + 1., ), data, traced).fault
    assert 'differ by' in wrong
