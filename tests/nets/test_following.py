"""Guesses of the norms behind a convolution."""
import pytest
from mmcv.cnn import ConvModule
from torch import nn

from mmrep.nets.following import norms_behind, places


class Net(nn.Module):
    """A net with modules in the order that they are given."""

    def __init__(self, **modules):
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)


def conv(channels=4):
    return nn.Conv2d(4, channels, 3)


def behind(net, layer):
    return norms_behind(layer, places(net))


def test_the_norm_that_comes_next():
    net = Net(conv1=conv(), bn1=nn.BatchNorm2d(4), conv2=conv())
    assert behind(net, net.conv1) == [net.bn1]
    assert behind(net, net.conv2) == []


@pytest.mark.parametrize('between', [
    nn.ReLU(),
    nn.GroupNorm(2, 4),
    nn.InstanceNorm2d(4),
    nn.BatchNorm2d(4, track_running_stats=False),
    nn.BatchNorm2d(8),
    conv(),
])
def test_others_are_none(between):
    net = Net(conv=conv(), between=between, bn=nn.BatchNorm2d(4))
    assert behind(net, net.conv) == []


@pytest.mark.parametrize(
    'norm',
    [nn.BatchNorm2d(4),
     nn.SyncBatchNorm(4),
     nn.BatchNorm2d(4, affine=False)])
def test_norms_of_any_kind(norm):
    net = nn.Sequential(conv(), norm)
    assert behind(net, net[0]) == [norm]


@pytest.mark.parametrize('order, found', [(('conv', 'norm', 'act'), 1),
                                          (('norm', 'conv', 'act'), 0),
                                          (('act', 'norm', 'conv'), 0)])
def test_a_module_of_mmcv_knows_its_order(order, found):
    module = ConvModule(4, 4, 3, norm_cfg=dict(type='BN'), order=order)
    assert len(behind(module, module.conv)) == found


def test_each_place_of_a_shared_convolution():
    shared = conv()
    net = Net(
        a=Net(conv=shared, bn=nn.BatchNorm2d(4)),
        b=Net(conv=shared, bn=nn.BatchNorm2d(4)))
    assert behind(net, shared) == [net.a.bn, net.b.bn]
    net.c = Net(conv=shared, relu=nn.ReLU())
    assert behind(net, shared) == []


def test_a_norm_that_others_use_is_none():
    norm = nn.BatchNorm2d(4)
    net = Net(a=conv(), n1=norm, b=conv(), n2=norm)
    assert behind(net, net.a) == []
    together = Net(a=net.a, n1=norm)
    pair = Net(first=together, second=Net(a=net.a, n1=norm))
    assert behind(pair, net.a) == [norm]


def test_places():
    inner = conv()
    net = Net(a=inner, b=Net(c=inner), none=None)
    assert places(net)[inner] == [(net, 'a'), (net.b, 'c')]
    assert places(net)[net.b] == [(net, 'b')]
    assert not places(net)[net]
