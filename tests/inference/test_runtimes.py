"""One interface over the runtimes, and what it refuses."""
import gc
import signal

import numpy as np
import pytest
import torch
from torch import nn

from mmrep.errors import UserError
from mmrep.export.onnx_export import to_onnx
from mmrep.inference.int8_quantize import quantize
from mmrep.inference.runtimes import RUNTIMES, open_runtime

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')
pytest.importorskip('openvino')

SHAPE = (2, 3, 8, 8)


class Net(nn.Module):
    """A net whose outputs are in no order of names or of computing."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        features = self.conv(x)
        return features.sum(1), x.amax(1), features

    def names(self, _):
        return ['z', 'a', 'k']


@pytest.fixture(scope='module')
def net():
    torch.manual_seed(0)
    return Net().eval()


@pytest.fixture(scope='module')
def fixed(net):
    return to_onnx(net, SHAPE)


@pytest.mark.parametrize('name', RUNTIMES)
def test_outputs(net, fixed, name):
    """They are those of torch, in the order of the file, in float32."""
    runtime = open_runtime(fixed, name, threads=1)
    x = torch.randn(SHAPE)
    assert runtime[:3] == ('input', SHAPE, ('z', 'a', 'k'))
    with torch.no_grad():
        expected = net(x)
    found = runtime.run(x.numpy())
    for own, other in zip(expected, found):
        assert isinstance(other, np.ndarray) and other.dtype == np.float32
        # bfloat16 would differ by 4e-3
        np.testing.assert_allclose(other, own, atol=1e-5)
    kept = [each.copy() for each in found]
    runtime.run(-x.numpy())  # writes into no array that was given before
    assert all(map(np.array_equal, found, kept))


@pytest.mark.parametrize('name', RUNTIMES)
def test_free_axes_and_paths(net, tmp_path, name):
    path = tmp_path / 'net.onnx'
    path.write_bytes(to_onnx(net, SHAPE, ('batch', 'width')))
    runtime = open_runtime(str(path), name)
    assert runtime.shape == (None, 3, 8, None)
    assert runtime.run(np.zeros((5, 3, 8, 9),
                                np.float32))[1].shape == (5, 8, 9)


@pytest.mark.parametrize('threads', [None, 3])
def test_threads(fixed, monkeypatch, threads):
    """Those of torch by default."""
    import onnxruntime
    import openvino
    seen, session = [], onnxruntime.InferenceSession
    compile_model = openvino.Core.compile_model

    def opened(source, options, **more):
        seen.append(options.intra_op_num_threads)
        return session(source, options, **more)

    def compiled(self, model, device, options):
        seen.append(options['INFERENCE_NUM_THREADS'])
        assert options['INFERENCE_PRECISION_HINT'] == 'f32'
        return compile_model(self, model, device, options)

    monkeypatch.setattr(onnxruntime, 'InferenceSession', opened)
    monkeypatch.setattr(openvino.Core, 'compile_model', compiled)
    for name in RUNTIMES:
        open_runtime(fixed, name, threads)
    assert seen == [threads or torch.get_num_threads()] * 2


@pytest.mark.parametrize('name', RUNTIMES)
def test_refusals(name, tmp_path, monkeypatch):
    with pytest.raises(UserError, match=f'^{name} does not open this file: '):
        open_runtime(b'no file', name)
    path = str(tmp_path / 'none.onnx')
    with pytest.raises(UserError, match="^there is no file '.*none.onnx'"):
        open_runtime(path, name)
    monkeypatch.setattr('mmrep.export.onnx_session.find_spec', lambda _: None)
    with pytest.raises(UserError, match=f'pip install {name}$'):
        open_runtime(b'', name)


def test_unknown():
    with pytest.raises(UserError, match="no runtime 'tensorrt': name one of"):
        open_runtime(b'', 'tensorrt')


def test_int8_of_onnxruntime(fixed, tmp_path):
    """OpenVINO would compute other numbers with it."""
    data = quantize(fixed, [torch.randn(SHAPE)], per_channel=True)
    (tmp_path / 'int8.onnx').write_bytes(data)
    for source in (data, str(tmp_path / 'int8.onnx')):
        assert open_runtime(source, 'onnxruntime')
        with pytest.raises(UserError, match='made for onnxruntime'):
            open_runtime(source, 'openvino')


def test_signals_after_files_are_closed(fixed):
    """A core that is gone would end the process at the next signal."""
    seen = []
    before = signal.signal(signal.SIGUSR1, lambda *_: seen.append(True))
    try:
        for _ in range(2):
            open_runtime(fixed, 'openvino')
            gc.collect()
        signal.raise_signal(signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen == [True]
