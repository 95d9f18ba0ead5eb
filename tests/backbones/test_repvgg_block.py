"""Squeeze and excitation in front of the ReLU, and behind it."""
import copy

import pytest
import torch
from torch import nn

from mmrep.backbones.repvgg_block import RepVGGBlock, SELayer


def excited(x, layer):
    """Return ``x * sigmoid(up(relu(down(mean(x)))))``, with matrices."""
    down, up = layer.conv1.conv, layer.conv2.conv
    inner = (x.mean((2, 3)) @ down.weight[:, :, 0, 0].T + down.bias).relu()
    gates = (inner @ up.weight[:, :, 0, 0].T + up.bias).sigmoid()
    return x * gates[:, :, None, None]


@pytest.mark.parametrize('place, squeeze', [('with_se', 16),
                                            ('with_post_se', 4)])
def test_place_and_width(place, squeeze):
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 32, 3).double()
    block = RepVGGBlock(conv, **{place: True}).double()
    x = torch.randn(2, 8, 9, 7, dtype=torch.float64)
    out = conv(x)
    if place == 'with_se':
        layer, expected = block.se_layer, excited(out, block.se_layer).relu()
    else:
        layer = block.post_se_layer
        expected = excited(out.relu(), layer)
    assert layer.conv1.conv.weight.shape == (32 // squeeze, 32, 1, 1)
    torch.testing.assert_close(block(x), expected)


def test_starts_as_pytorch_does():
    """Weights and biases are uniform up to 1 / sqrt(fan-in)."""
    torch.manual_seed(0)
    block = RepVGGBlock(nn.Conv2d(4, 512, 3), with_post_se=True)
    before = copy.deepcopy(block.post_se_layer.state_dict())
    block.init_weights()
    for name, tensor in block.post_se_layer.state_dict().items():
        assert tensor.equal(before[name])
        bound = (512 if name.startswith('conv1') else 128)**-.5
        assert tensor.abs().max() <= bound
        assert tensor.std().item() == pytest.approx(bound / 3**.5, rel=.1)


def test_few_channels():
    assert SELayer(8).conv1.conv.out_channels == 1
