"""A net's files in the runtimes, float32 and INT8."""
import numpy as np
import pytest
import torch

from mmrep.cli import load_config
from mmrep.export.onnx_parts import Part
from mmrep.fusing.net import fuse
from mmrep.measure import runtime_files
from mmrep.measure.runtime_files import open_files, packages_for
from mmrep.measure.training_step import model_for

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')


@pytest.fixture(scope='module')
def net(tiny_cls):
    torch.manual_seed(0)
    return fuse(model_for(load_config(tiny_cls), (32, 32)).eval())


def test_onnxruntime(net):
    images = [torch.randn(1, 3, 32, 32) for _ in range(2)]
    float32, int8 = open_files(net, images, ['onnxruntime'], True)
    assert float32[:2] == ('onnxruntime', 'float32')
    assert int8[:2] == ('onnxruntime', 'INT8')
    with torch.no_grad():
        expected, = Part(net, 'whole')(images[0])
    found, = float32.call()
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    error = abs(int8.call()[0] - expected.numpy()).max()
    assert 1e-4 * abs(found).max() < error < 0.2 * abs(found).max()


def test_each_runtime_has_its_own_int8(net, monkeypatch):
    """The way to INT8 gets the float32 file and all images."""
    pytest.importorskip('openvino')
    images, seen = [torch.randn(1, 3, 32, 32)] * 3, []

    def quantized(data, given):
        seen.append((type(data), list(given) == images))
        return data

    monkeypatch.setitem(runtime_files.QUANTIZE, 'openvino', quantized)
    opened = open_files(net, images, ['openvino'], True)
    assert [each[:2] for each in opened] == [('openvino', 'float32'),
                                             ('openvino', 'INT8')]
    assert seen == [(bytes, True)]
    assert len(open_files(net, images, ['openvino'], False)) == 1
    assert open_files(None, images, [], True) == []


@pytest.mark.parametrize('runtimes, int8, expected', [
    ([], True, []),
    (['onnxruntime'], True, ['onnx', 'onnxruntime']),
    (['openvino'], False, ['onnx', 'openvino']),
    (['openvino'], True, ['nncf', 'onnx', 'onnxruntime', 'openvino']),
])
def test_packages(runtimes, int8, expected):
    assert packages_for(runtimes, int8) == expected
