"""A host's module that asks for biases gets none."""
import pytest
import torch
from mmengine.registry import MODELS
from torch import nn

from mmrep import DBBConv2d


@pytest.mark.parametrize('conv, kind', [(None, nn.Conv2d),
                                        (dict(type='DBBConv2d'), DBBConv2d)])
def test_vgg(conv, kind):
    """The net has the names and strides of a net with biases."""
    own = {} if conv is None else dict(conv=conv)

    def vgg(conv_cfg):
        return MODELS.build(
            dict(
                type='mmpretrain.VGG',
                depth=11,
                conv_cfg=conv_cfg,
                norm_cfg=dict(type='BN')))

    net, usual = vgg(dict(type='WithoutBias', **own)), vgg(conv)
    convs = [m for m in net.modules() if type(m) is kind]
    assert len(convs) == 8
    assert all(conv.bias is None for conv in convs)
    names = set(usual.state_dict())
    lost = names - set(net.state_dict())
    assert lost == {name for name in names if name.endswith('conv.bias')}
    x = torch.randn(1, 3, 32, 32)
    assert net(x)[0].shape == usual(x)[0].shape


def test_arguments_reach_the_convolution():
    conv = MODELS.build(
        dict(
            type='WithoutBias',
            in_channels=4,
            out_channels=8,
            kernel_size=3,
            stride=2,
            groups=2,
            bias=True,
            conv=dict(type='BranchedConv2d', branches=['1x1'])))
    assert conv.bias is None and list(conv.branches) == ['1x1']
    assert (conv.stride, conv.groups) == ((2, 2), 2)
