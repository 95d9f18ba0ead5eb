"""AlexNetBN: its shapes, its blocks, odd arguments."""
import re

import pytest
import torch
from mmengine.registry import MODELS
from torch import nn

import mmrep
from mmrep import AlexNetBN, DBBConv2d

DBB = dict(type='DBBConv2d')
SMALL = dict(base_channels=4)


def test_the_shapes_of_alexnet():
    """The net is that of one GPU, with 61.1 M weights."""
    net = MODELS.build(dict(type='AlexNetBN', num_classes=1000))
    convs = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert [c.out_channels for c in convs] == [64, 192, 384, 256 + 128, 256]
    assert [c.kernel_size[0] for c in convs] == [11, 5, 3, 3, 3]
    linear = [m for m in net.modules() if isinstance(m, nn.Linear)]
    assert [m.in_features for m in linear] == [256 * 6 * 6, 4096, 4096]
    assert linear[-1].out_features == 1000
    x = torch.randn(1, 3, 224, 224)
    maps = AlexNetBN(**SMALL)(x)
    assert [tuple(out.shape) for out in maps] == [(1, 16, 6, 6)]


def test_spatial_convolutions_are_blocks():
    net = AlexNetBN(conv_cfg=DBB, **SMALL)
    assert type(net.conv1.conv) is nn.Conv2d
    assert all(
        isinstance(getattr(net, f'conv{i}').conv, DBBConv2d)
        for i in range(2, 6))


def test_logits_of_an_image_of_any_size():
    """At 224 pixels the pooling changes nothing."""
    torch.manual_seed(0)
    net = AlexNetBN(10, **SMALL).eval()
    maps = AlexNetBN(**SMALL).eval()
    assert not maps.load_state_dict(net.state_dict(), strict=False)[0]
    x = torch.randn(1, 3, 224, 224)
    linear = net.classifier[1:]
    torch.testing.assert_close(net(x)[0], linear(maps(x)[0]))
    assert net(torch.randn(2, 3, 128, 160))[0].shape == (2, 10)


@pytest.mark.parametrize('options', [
    dict(num_classes=-2),
    dict(num_classes=1.5),
    dict(base_channels=0),
    dict(conv_cfg=dict(type='Nope')),
    dict(norm_cfg=None),
    dict(norm_behind=1),
    dict(norm_eval='no'),
], ids=str)  # yapf: disable
def test_odd_arguments(options):
    (name, value), = options.items()
    message = re.escape(f'`{name}` (={value!r}) must be')
    with pytest.raises(mmrep.UserError, match=message):
        AlexNetBN(**options)
