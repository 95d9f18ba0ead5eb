"""Nets without norms behind their blocks: plain, fused, cut, refused."""
import copy

import pytest
import torch
from mmengine.registry import MODELS
from mmpretrain.models.backbones import ResNet
from torch import nn

import mmrep
from mmrep import DBBConv2d, DBBResNet
from mmrep.dyrep.cutting import cut
from mmrep.dyrep.sites import Site
from mmrep.layers.norm_inside import NormInside, put_norms_back
from mmrep.testing import randomize_norms

SMALL = dict(base_channels=8)
BLOCKS = ['ACBConv2d', 'DBBConv2d', 'MobileOneConv2d', 'RepVGGConv2d']


def published(depth=18, kind='DBBConv2d', **options):
    torch.manual_seed(0)
    convs = {} if kind == 'DBBConv2d' else dict(conv_cfg=dict(type=kind))
    net = DBBResNet(depth, norm_behind=False, **SMALL, **convs, **options)
    return randomize_norms(net.double())


def host(depth=18, **options):
    torch.manual_seed(1)
    net = ResNet(
        depth, stem_channels=8, out_indices=(0, 1, 2, 3), **SMALL, **options)
    return randomize_norms(net.double())


def image(size=40):
    torch.manual_seed(2)
    return torch.randn(2, 3, size, size, dtype=torch.double)


@torch.no_grad()
def worst(net, other, x, training=False):
    net.train(training)
    other.train(training)
    return max(((a - b).norm() / a.norm()).item()
               for a, b in zip(net(x), other(x), strict=True))


@pytest.mark.parametrize('depth, without', [(18, 8 * 2), (50, 16)])
def test_only_blocks_have_none(depth, without):
    net = published(depth)
    blocks = sum(isinstance(m, DBBConv2d) for m in net.modules())
    places = [n for n, m in net.named_modules() if isinstance(m, NormInside)]
    assert blocks == len(places) == without
    names = {name.rpartition('.')[0] for name in net.state_dict()}
    assert not names & set(places)
    assert {'bn1', 'layer2.0.downsample.1'} <= names
    assert ('layer1.0.bn1' in names) == ('layer1.0.bn3' in names) == (
        depth == 50)


def test_what_it_computes():
    """The first stage computes residual blocks of its convolutions alone."""
    net, x = published().eval(), image()
    stem = net.maxpool(net.bn1(net.conv1(x)).relu())
    first, second = net.layer1
    expected = (first.conv2(first.conv1(stem).relu()) + stem).relu()
    expected = (second.conv2(second.conv1(expected).relu()) + expected).relu()
    torch.testing.assert_close(net(x)[0], expected)


@pytest.mark.parametrize('depth, kind',
                         [(50, 'DBBConv2d'), *((18, kind) for kind in BLOCKS)])
def test_fused_it_is_the_hosts(depth, kind):
    net, plain = published(depth, kind), host(depth)
    plain.load_state_dict(mmrep.fuse(net.eval()).state_dict())
    assert worst(net, plain, image()) < 1e-10


@pytest.mark.parametrize('depth, kind',
                         [(50, 'DBBConv2d'), *((18, kind) for kind in BLOCKS)])
@pytest.mark.parametrize('training', [False, True])
def test_a_plain_net_loads_exactly(depth, kind, training):
    """The norm sees what it saw in the plain net, also in training mode."""
    plain, net = host(depth), published(depth, kind)
    net.load_state_dict(copy.deepcopy(plain.state_dict()))
    assert worst(plain, net, image(), training) < 1e-10
    assert worst(plain, net, image(72)) < 1e-10  # equal statistics


def test_two_norms_in_a_block():
    """The last norm is the plain net's, the other one does nothing."""
    plain, net = host(), published(kind='QARepVGGConv2d')
    net.load_state_dict(plain.state_dict())
    assert worst(plain, net, image()) < 1e-10


def test_biases_and_another_eps():
    """The plain net computes ``norm(conv(x) + bias)`` with its own eps."""
    torch.manual_seed(0)
    norm_cfg = dict(type='BN', eps=.1)
    net = published(norm_cfg=norm_cfg, kind='ACBConv2d')  # 1e-5 inside
    plain = host(norm_cfg=norm_cfg)
    weights = plain.state_dict()
    bias = torch.randn(8, dtype=torch.double)
    net.load_state_dict({**weights, 'layer1.0.conv1.bias': bias})
    plain.layer1[0].bn1.running_mean -= bias
    assert worst(plain, net, image()) < 1e-10
    plain.load_state_dict(mmrep.fuse(net).state_dict())
    assert worst(net, plain, image()) < 1e-10


def test_frozen_norms_inside():
    plain, net = host(), published(
        conv_cfg=dict(
            type='ACBConv2d',
            norm_cfg=dict(type='torchvision.ops.misc.FrozenBatchNorm2d')))
    net.load_state_dict(plain.state_dict())
    assert worst(plain, net, image()) < 1e-10


def test_the_fused_net_keeps_modes_and_gradients():
    fused = mmrep.fuse(published(frozen_stages=1).train())
    for stage, trains in ((fused.layer1, False), (fused.layer2, True)):
        norm = stage[0].bn1
        assert type(norm) is nn.BatchNorm2d and norm.training == trains
        assert norm.weight.dtype == torch.double
        assert all(p.requires_grad == trains for p in norm.parameters())


def test_a_convolution_of_no_bias():
    net = nn.Sequential(
        nn.Conv2d(3, 4, 1, bias=False), NormInside(dict(type='BN'), 4)).eval()
    x = torch.randn(1, 3, 5, 5)
    expected = net(x)
    put_norms_back(net)
    assert type(net[1]) is nn.BatchNorm2d
    torch.testing.assert_close(net(x), expected)


def test_a_part_of_a_larger_model():
    plain, net = host(), published()
    weights = {f'backbone.{k}': v for k, v in plain.state_dict().items()}
    whole = nn.ModuleDict(dict(backbone=net))
    whole.load_state_dict(weights)
    assert worst(plain, net, image()) < 1e-10


def test_its_structure_is_rebuilt():
    net = published()
    del net.layer1[0].conv1.branches['1x1']
    cfg = dict(type='DBBResNet', depth=18, norm_behind=False, **SMALL)
    again = MODELS.build(
        dict(type='Restructured', model=cfg,
             structure=mmrep.structure(net))).double()
    again.load_state_dict(net.state_dict())
    assert worst(net, again, image()) == 0


def test_blocks_in_blocks_keep_to_themselves():
    """The norm behind an inner block belongs to the outer block."""
    nested = dict(type='DBBConv2d', kxk=dict(type='ACBConv2d'))
    torch.manual_seed(0)
    net = DBBResNet(18, **SMALL, conv_cfg=nested)
    other = DBBResNet(18, **SMALL, conv_cfg=dict(nested, norms='branches'))
    with pytest.warns(UserWarning, match='taken over the branches'):
        net.load_state_dict(other.state_dict())
    assert worst(other, net, image().float()) < 1e-5


def test_dyrep_cuts_all_but_the_last_norm():
    """The last norm stays, since nothing behind could take its place."""
    net, x = published().eval(), image()
    with torch.no_grad():
        inputs = [net.maxpool(net.bn1(net.conv1(x)).relu())]
    before, block = copy.deepcopy(net), net.layer1[0].conv1
    cut([net], Site('layer1.0.conv1'), list(block.branches), lambda: inputs)
    assert net.layer1[0].conv1 is block and not block.branches
    assert block.norm is not None
    assert worst(before, net, x) < 1e-10
    assert worst(net, mmrep.fuse(net.eval()), x) < 1e-10


def test_checkpoints_of_the_other_kind():
    with_norms = DBBResNet(18, **SMALL).double()
    weights = with_norms.state_dict()
    with pytest.raises(
            mmrep.UserError,
            match="a norm 'layer1.0.bn1' behind a"
            ' block, this DBBResNet has none.*norm_behind=True'):
        published().load_state_dict(weights)
    weights = published().state_dict()
    with pytest.raises(
            mmrep.UserError,
            match="no norm 'layer1.0.bn1' behind a"
            ' block, this DBBResNet has one.*norm_behind=False'):
        with_norms.load_state_dict(weights)


def test_a_group_norm_cannot_be_inside():
    with pytest.raises(
            mmrep.UserError,
            match='`norm_cfg` .*batch norm with '
            'running statistics'):
        published(kind='ACBConv2d', norm_cfg=dict(type='GN', num_groups=2))
