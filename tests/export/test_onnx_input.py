"""Preprocessing in a graph is that of the hosts, to the last bit."""
import numpy as np
import pytest
import torch
from mmdet.models import DetDataPreprocessor
from mmengine.model import BaseDataPreprocessor, ImgDataPreprocessor
from mmengine.structures import BaseDataElement
from mmpretrain.models import ClsDataPreprocessor
from mmseg.models import SegDataPreProcessor
from torch import nn

from mmrep.export.input_kinds import IMAGES
from mmrep.export.onnx_export import to_onnx
from mmrep.export.onnx_input import Preprocessing
from mmrep.export.onnx_session import session
from mmrep.inference import open_runtime

from ..refusals import sentence

MEAN = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
PADDED = {
    'mmdet':
    DetDataPreprocessor(**MEAN, bgr_to_rgb=True, pad_size_divisor=32),
    'mmseg':
    SegDataPreProcessor(
        **MEAN, bgr_to_rgb=True, test_cfg=dict(size_divisor=16), pad_val=2.5),
    'least size':
    SegDataPreProcessor(size_divisor=64, test_cfg=dict(size=(48, 80))),
}
OTHERS = [
    ImgDataPreprocessor(mean=[7.], std=[3.], pad_size_divisor=7, pad_value=3),
    DetDataPreprocessor(mean=[0, 1, 2], std=[255, 1, 3], rgb_to_bgr=True),
    SegDataPreProcessor(**MEAN, size=(64, 64)),  # these are for training
    SegDataPreProcessor(size_divisor=64, rgb_to_bgr=True),
    ClsDataPreprocessor(**MEAN, to_rgb=True, pad_size_divisor=16),
    ClsDataPreprocessor(),
]
SHAPES = [(2, 37, 45, 3), (1, 64, 96, 3), (3, 50, 31, 3)]


def images_of(shape):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, shape, generator=generator, dtype=torch.uint8)


def of_host(preprocessor, images):
    samples = [BaseDataElement() for _ in images]
    data = dict(inputs=list(images.permute(0, 3, 1, 2)), data_samples=samples)
    return preprocessor(data, False)['inputs']


@pytest.mark.parametrize('preprocessor', [*PADDED.values(), *OTHERS])
def test_hosts(preprocessor):
    preprocessing = Preprocessing(preprocessor)
    padded = False
    for shape in SHAPES:
        images = images_of(shape)
        x, size = preprocessing(images)
        assert x.equal(of_host(preprocessor, images))
        assert tuple(size) == shape[1:3]
        padded |= x.shape[2:] != size
    assert padded == preprocessing.pads


def test_by_hand():
    images = images_of((1, 30, 32, 3))
    x, _ = Preprocessing(PADDED['mmseg'])(images)
    mean, std = (np.float64(MEAN[name]) for name in ('mean', 'std'))
    rgb = images[0].numpy()[..., ::-1]
    expected = np.full((3, 32, 32), 2.5)
    expected[:, :30] = ((rgb - mean) / std).transpose(2, 0, 1)
    np.testing.assert_allclose(x[0].numpy(), expected, atol=1e-6)


class Net(nn.Module):
    """Preprocessing alone, to export."""

    takes = IMAGES

    def __init__(self, preprocessor):
        super().__init__()
        self.preprocessing = Preprocessing(preprocessor)

    def forward(self, images):
        return self.preprocessing(images)[0],

    def names(self, outputs):
        return ['x']


def exported(preprocessor):
    pytest.importorskip('onnx')
    free = ('batch', 'height', 'width')
    return to_onnx(Net(preprocessor), (1, 64, 96, 3), free)


@pytest.mark.parametrize('name', PADDED)
def test_onnxruntime(name):
    pytest.importorskip('onnxruntime')
    runs = session(exported(PADDED[name]))
    for shape in SHAPES:
        images = images_of(shape)
        x, = runs.run(None, dict(image=images.numpy()))
        assert torch.from_numpy(x).equal(of_host(PADDED[name], images))


def test_openvino():
    pytest.importorskip('openvino')
    net = open_runtime(exported(PADDED['mmdet']), 'openvino')
    for shape in SHAPES:
        images = images_of(shape)
        x = torch.from_numpy(net.run(images.numpy())[0])
        torch.testing.assert_close(
            x, of_host(PADDED['mmdet'], images), atol=1e-6, rtol=0)


def test_other_channels():
    """mmseg and mmpretrain reverse three channels and no other number."""
    gray = SegDataPreProcessor(mean=[5.], std=[2.], bgr_to_rgb=True)
    images = images_of((2, 9, 8, 1))
    assert Preprocessing(gray, 1)(images)[0].equal(of_host(gray, images))


class Own(DetDataPreprocessor):

    def forward(self, data, training=False):
        return data


@pytest.mark.parametrize('preprocessor, channels, part', [
    (Own(), 3, 'a Own cannot be part of a graph'),
    (BaseDataPreprocessor(), 3, 'a BaseDataPreprocessor cannot'),
    (None, 3, 'without preprocessing'),
    (ImgDataPreprocessor(bgr_to_rgb=True), 4, 'leave out `bgr_to_rgb`'),
    (ClsDataPreprocessor(**MEAN), 4, '`mean` of the data_preprocessor has 3'),
    (SegDataPreProcessor(test_cfg=dict(size=512)), 3, "(={'size': 512})"),
    (SegDataPreProcessor(test_cfg=dict(size=(1, 1), size_divisor=2)), 3,
     'either `size`=(height, width) or `size_divisor`'),
    (SegDataPreProcessor(test_cfg=dict(crop=1)), 3, 'either `size`'),
])
def test_refusals(preprocessor, channels, part):
    assert part in sentence(Preprocessing, preprocessor, channels)
