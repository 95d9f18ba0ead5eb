"""A file opened in a runtime takes batches."""
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from torch import nn

from mmrep.export.onnx_export import to_onnx
from mmrep.inference.onnx_file import OnnxFile
from mmrep.inference.runtimes import RUNTIMES
from mmrep.inference.served_net import Net, open_net

from ..refusals import sentence

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')


class Logits(nn.Module):

    def forward(self, x):
        return (x.relu().mean((2, 3)), )

    def names(self, _):
        return ['logits']


@pytest.fixture(scope='module')
def data():
    return to_onnx(Logits(), (2, 3, 8, 8), ('batch', ))


@pytest.mark.parametrize('runtime', RUNTIMES)
def test_runtimes(runtime, data, tmp_path):
    """Bytes and a path give what torch gives."""
    if not find_spec(runtime):
        pytest.skip(f'needs {runtime}')
    (tmp_path / 'net.onnx').write_bytes(data)
    x = torch.randn(3, 3, 8, 8)
    for source in (data, str(tmp_path / 'net.onnx')):
        found, = open_net(source, runtime)(x)
        torch.testing.assert_close(found, Logits()(x)[0])


def net_of(shape, raw=False):
    """A net that notes what it runs on, and gives each image's mean."""
    seen = []

    def run(array):
        seen.append(array)
        return [array.mean((1, 2, 3))]

    return Net(OnnxFile('x', raw, shape, ('logits', ), 'classifier'),
               run), seen


def test_one_image_at_a_time():
    """A graph of one image runs on each."""
    x = torch.randn(3, 3, 4, 5)
    for number, runs in ((1, 3), (None, 1), (3, 1)):
        net, seen = net_of((number, 3, 4, 5))
        found, = net(x)
        torch.testing.assert_close(found, x.mean((1, 2, 3)))
        assert len(seen) == runs


def test_raw_images():
    """The pixels go in as uint8, channels last."""
    pixels = torch.randint(0, 256, (2, 3, 4, 5))
    net, seen = net_of((None, None, None, 3), raw=True)
    net(pixels.float())
    assert seen[0].dtype == np.uint8 and seen[0].flags.c_contiguous
    assert torch.tensor(seen[0]).permute(0, 3, 1, 2).equal(pixels.byte())


def test_refused(data):
    net, seen = net_of((2, 3, 4, 5))
    for shape in ((3, 3, 4, 5), (2, 3, 4, 6)):
        assert '2 x 3 x 4 x 5 only' in sentence(net, torch.zeros(shape))
    assert not seen
    file = OnnxFile('x', False, (None, ) * 4, ('logits', ), 'classifier')
    broken = Net(file, lambda array: array[9])
    assert 'does not run on an input of (1, 3, 4, 5)' in sentence(
        broken, torch.zeros(1, 3, 4, 5))
    broken = data.replace(b'Relu', b'Rolu')
    assert 'onnxruntime does not open this file' in sentence(
        open_net, broken, name='net.onnx')
