"""Numbers of a net's layers, against formulas written another way."""
import math
import tracemalloc

import numpy as np
import pytest
import torch
from torch import nn

from mmrep.export.onnx_export import to_onnx
from mmrep.export.onnx_session import run, session
from mmrep.inference.int8_layers import (activation_rows, decibels, layer_name,
                                         range_with, weight_row, weight_rows)

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')


class Net(nn.Module):
    """Two convolutions, whose channels differ in size by a factor of 100."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.stage = nn.Sequential(nn.ReLU(), nn.Conv2d(8, 4, 1))
        with torch.no_grad():
            self.stem.weight[0] *= 100

    def forward(self, x):
        return (self.stage(self.stem(x)), )

    def names(self, _):
        return ['out']


@pytest.fixture(scope='module')
def net():
    torch.manual_seed(0)
    return Net().eval()


@pytest.fixture(scope='module')
def data(net):
    return to_onnx(net, (1, 3, 8, 8))


def fake_quantized(weight, scale, axis=None):
    """Round to -127 ... 127 times a scale, by torch's own function."""
    if axis is None:
        return torch.fake_quantize_per_tensor_affine(weight, scale, 0, -127,
                                                     127)
    zeros = torch.zeros(len(scale), dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scale, zeros, axis,
                                                  -127, 127)


def expected_decibels(a, b):
    return 10 * math.log10(a.pow(2).sum() / (a - b).pow(2).sum())


def test_weights(net, data):
    rows = weight_rows(data)
    assert len(rows) == 2
    weight, row = net.stem.weight.detach(), rows[0]
    channels = weight.abs().amax((1, 2, 3))
    assert row['channels'] == pytest.approx(channels.tolist())
    assert row['max_abs'] == pytest.approx(channels.max().item())
    assert row['std'] == pytest.approx(weight.std(correction=0).item())
    assert row['spread'] == pytest.approx(
        (channels.max() / channels.quantile(0.5)).item())
    assert row['weights_per_tensor'] == pytest.approx(
        expected_decibels(weight,
                          fake_quantized(weight,
                                         channels.max().item() / 127)),
        abs=0.02)
    assert row['weights_per_channel'] == pytest.approx(
        expected_decibels(weight, fake_quantized(weight, channels / 127, 0)),
        abs=0.02)


def test_small_channels_vanish_in_one_scale(net, data):
    row = weight_row(net.stem.weight[1:].detach().numpy())
    rows = weight_rows(data)
    assert rows[0]['spread'] > 50 > 2 > row['spread']


def test_a_dead_layer():
    row = weight_row(np.zeros((2, 3, 1, 1)))
    assert row['spread'] == 0 and np.isfinite(row['weights_per_tensor'])


def test_dead_channels():
    """Most channels are zero, and the others are compared."""
    weight = np.zeros((5, 1, 1, 1))
    weight[:2, 0, 0, 0] = 1, -3
    assert weight_row(weight)['spread'] == 1.5


def test_activations(net, data):
    images = [torch.randn(1, 3, 8, 8) for _ in range(3)]
    reads = [row['input'] for row in weight_rows(data)]
    rows = activation_rows(data, reads, images)
    with torch.no_grad():
        inside = torch.cat([net.stem(x) for x in images]).relu()
    for name, values in zip(reads, (torch.cat(images), inside)):
        low, high = min(values.min().item(), 0), values.max().item()
        row = rows[name]
        assert (row['low'], row['high']) == pytest.approx((low, high),
                                                          rel=1e-4)
        scale = (high - low) / 255
        coarse = torch.fake_quantize_per_tensor_affine(values, scale,
                                                       round(-low / scale), 0,
                                                       255)
        assert row['activations'] == pytest.approx(
            expected_decibels(values, coarse), abs=0.1)


def test_ranges_have_zero():
    assert range_with((0., 0.), np.array([1., 2.])) == (0, 2)
    assert range_with((0., 2.), np.array([-1., 1.])) == (-1, 2)


def test_images_are_not_kept(data):
    """The activations of many large images would exceed the memory."""

    def peak(count):
        images = [torch.randn(1, 3, 8, 8)] * count
        tracemalloc.start()
        activation_rows(data, [r['input'] for r in weight_rows(data)], images)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(200) < 10 * peak(2)


def test_the_graph_stays(net, data):
    """Reading the tensors does not change the file."""
    x = torch.randn(1, 3, 8, 8)
    activation_rows(data, ['input'], [x])
    found, = run(session(data), x)
    torch.testing.assert_close(found, net(x)[0].detach())


def test_decibels():
    signal = np.array([3., 4.])
    assert decibels(signal, signal + [0, 0.5]) == pytest.approx(20)


@pytest.mark.parametrize('node, name', [
    ('/model/backbone/stem/conv/Conv', 'backbone.stem.conv'),
    ('/model/backbone/s_1/s_1.0/conv/Conv', 'backbone.s_1.0.conv'),
    ('/psp/psp.1/psp.1.1/conv/Conv', 'psp.1.1.conv'),
    ('/conv_seg/Conv', 'conv_seg'),
    ('Conv_3', 'Conv_3'),
])
def test_names(node, name):
    assert layer_name(node) == name
