"""The kernels that can grow, and the blocks that are made for them."""
import pytest
import torch
from mmcv.cnn import ConvModule
from mmcv.ops import DeformConv2d
from torch import nn

from mmrep import DBBConv2d
from mmrep.dyrep import SEVEN, Evolution
from mmrep.dyrep.growing import add_branches
from mmrep.dyrep.sites import (Site, block_at, find_sites, geometry_at,
                               is_plain, open_block)
from mmrep.errors import UserError
from mmrep.nets.following import norm_cfg_at

from .nets import Classifier, conv3x3, data_of, grow, net_of


def found(net, scope='*', max_depth=2):
    return [site.name for site in find_sites(net, scope, max_depth)]


def test_all_large_kernels_of_a_backbone():
    names = found(Classifier(), 'backbone')
    assert len(names) == 17
    assert names[:2] == ['backbone.conv1', 'backbone.layer1.0.conv1']
    assert not any('downsample' in name for name in names)


def test_frozen_stages_never_grow():
    names = found(Classifier(frozen_stages=2), 'backbone')
    assert len(names) == 8
    assert {name.split('.')[1] for name in names} == {'layer3', 'layer4'}


def test_other_layers_are_left_alone():
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ConvTranspose2d(4, 4, 3),
        DeformConv2d(4, 4, 3, deform_groups=1), nn.MaxPool2d(3),
        nn.Conv2d(4, 4, 1), nn.Conv1d(4, 4, 3), nn.Conv3d(4, 4, 3),
        nn.Conv2d(4, 4, (1, 3)))
    assert found(net) == ['0', '7']


def test_a_shared_convolution_is_one_site():
    conv = conv3x3()
    net = nn.Sequential(conv, nn.BatchNorm2d(8), conv, nn.BatchNorm2d(8))
    assert found(net) == ['0'] == found(net, '2')


def test_a_kernel_of_two_convolutions_is_none():
    net = nn.Sequential(conv3x3(), conv3x3(), conv3x3())
    net[1].weight = net[0].weight
    assert found(net) == ['2']


@pytest.mark.parametrize(
    'scope', ['neck', ['backbone', 'neck'], 'backbone.relu', '', [], 3, None])
def test_a_scope_of_nothing_is_refused(scope):
    with pytest.raises(UserError, match='scope'):
        found(Classifier(), scope)


@pytest.mark.parametrize('scope, count', [('backbone.layer1', 4),
                                          ('*.layer[12].*.conv2', 4),
                                          (('backbone.conv1', '*.layer4'), 5)])
def test_patterns_of_a_scope(scope, count):
    assert len(found(Classifier(), scope)) == count


@pytest.mark.parametrize('depth', [1, 2, 3])
def test_depth_of_nesting(depth):
    net = net_of(conv3x3())
    data = data_of(net)
    grow(net, data, ())
    names = ['conv.kxk', 'conv.branches.1x1_kxk.second']
    assert found(net, 'conv', depth) == (names if depth > 1 else [])
    grow(net, data, ('second', ))
    inner = 'conv.branches.1x1_kxk.second'
    deeper = [f'{inner}.kxk', f'{inner}.branches.1x1_kxk.second']
    expected = [[], names[:1], names[:1] + deeper][depth - 1]
    assert found(net, 'conv', depth) == expected


def test_kernels_of_the_sites():
    net = net_of(conv3x3())
    grow(net, data_of(net), (), ('second', ))
    inner = net.conv.branches['1x1_kxk'].second
    expected = [
        net.conv.weight, inner.weight, inner.branches['1x1_kxk'].second
    ]
    kernels = list(find_sites(net, 'conv', 3).values())
    assert len(kernels) == 3
    assert all(a is b for a, b in zip(kernels, expected))


def test_sites_that_no_branch_fits_are_none():
    net = net_of(nn.Conv2d(8, 8, (1, 3), padding=(0, 1)))
    assert list(Evolution(net, scope='conv').sites()) == ['conv']
    assert not Evolution(net, scope='conv', branches=['1xk', 'kx1']).sites()
    stride = net_of(conv3x3(stride=2))
    assert not Evolution(stride, scope='conv', branches='identity').sites()


@pytest.mark.parametrize('groups', [1, 8])
@pytest.mark.parametrize('own, wide', [({}, 8), (dict(channels=16), 16)])
def test_geometry_of_the_second_kernel(groups, own, wide):
    net = net_of(conv3x3(groups=groups))
    add_branches(net, Site('conv'), {'1x1_kxk': own}, 0)
    assert geometry_at(net, Site('conv')).in_channels == 8
    assert geometry_at(net, Site('conv', ('kxk', ))).in_channels == 8
    second = geometry_at(net, Site('conv', ('second', )))
    assert second.in_channels == wide
    block = open_block(net, Site('conv', ('second', )))
    assert block.in_channels == wide and is_plain(block)
    assert block is block_at(net, Site('conv', ('second', )))


def test_an_opened_block_is_the_convolution():
    conv = conv3x3(bias=True, stride=2, dilation=2, padding_mode='reflect')
    net, weight, bias = net_of(conv), conv.weight, conv.bias
    x = torch.randn(2, 8, 9, 9)
    expected = conv(x)
    block = open_block(net, Site('conv'))
    assert net.conv is block and is_plain(block)
    assert open_block(net, Site('conv')) is block
    assert block.weight is weight and block.bias is bias
    assert torch.equal(block(x), expected)


def test_all_places_of_a_shared_convolution_get_the_block():
    conv = conv3x3()
    net = nn.Sequential(conv, nn.BatchNorm2d(8), nn.Sequential(conv))
    block = open_block(net, Site('0'))
    assert net[0] is block is net[2][0]


def test_norms_are_as_behind():
    norm = nn.BatchNorm2d(8, eps=0.1, momentum=0.3)
    net = nn.Sequential(conv3x3(), norm, conv3x3())
    assert norm_cfg_at(net, net[0]) == dict(type='BN', eps=0.1, momentum=0.3)
    assert norm_cfg_at(net, net[2]) == dict(type='BN')
    block = open_block(net, Site('0'))
    block.set_options(SEVEN, ('kxk', 'branches'))
    assert all((n.eps, n.momentum) == (0.1, 0.3) for n in block.norms_inside())


def test_synced_norms_stay_synced():
    module = ConvModule(8, 8, 3, norm_cfg=dict(type='SyncBN', eps=0.01))
    assert norm_cfg_at(module, module.conv)['type'] == 'SyncBN'
    block = open_block(module, Site('conv'))
    block.set_options(('1x1', ), ('kxk', 'branches'))
    assert isinstance(block.norm, nn.SyncBatchNorm)
    assert block.norm.eps == block.branches['1x1'].norm.eps == 0.01


def test_blocks_of_a_user_are_no_plain_sites():
    net = nn.Sequential(DBBConv2d(8, 8, 3), DBBConv2d(8, 8, 3, branches=()))
    assert found(net, '*', 1) == []
    assert '1.kxk' in found(net)
    assert not is_plain(net[1])
    assert is_plain(DBBConv2d(8, 8, 3, branches=(), norms=()))
