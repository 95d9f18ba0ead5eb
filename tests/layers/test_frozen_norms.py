"""Norms of buffers, which nothing trains, behind blocks and inside."""
import copy

import pytest
import torch
import torchvision
from mmdet.models.layers import FrozenBatchNorm2d as OfMMDet
from torch import nn
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.ops.misc import FrozenBatchNorm2d

import mmrep
from mmrep.deploy import relative_difference
from mmrep.layers.frozen_norms import is_affine, is_frozen_norm, takes_batches
from mmrep.testing import randomize_norms

from ..fusing.biased import fused_of

KINDS = [FrozenBatchNorm2d, OfMMDet]
BRANCHES = ('1x1', '1x1_kxk', '1x1_average', 'identity')
IMAGE = torch.randn(2, 4, 8, 8)
over_kinds = pytest.mark.parametrize('kind', KINDS)


class Activated(FrozenBatchNorm2d):
    """A frozen norm with an activation, like timm's FrozenBatchNormAct2d."""

    def forward(self, x):
        return super().forward(x).relu()


class OfBatches(nn.BatchNorm2d):
    """A batch norm with an activation, like timm's BatchNormAct2d."""

    def forward(self, x):
        return super().forward(x).relu()


def net_of(norm):
    torch.manual_seed(0)
    return randomize_norms(
        nn.Sequential(
            nn.Conv2d(4, 4, 3, padding=1, bias=False), norm, nn.ReLU(),
            nn.Conv2d(4, 6, 1, bias=False), nn.BatchNorm2d(6)))


def by_hand(norm, x):
    """Compute a batch norm by its formula."""
    mean, var, gamma, beta = [
        t[:, None, None]
        for t in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    ]
    return (x - mean) / (var + norm.eps).sqrt() * gamma + beta


@over_kinds
def test_what_is_frozen(kind):
    norm = randomize_norms(kind(4))
    assert is_frozen_norm(norm) and is_affine(norm)
    assert relative_difference(by_hand(norm, IMAGE), norm(IMAGE)) < 1e-6
    assert norm.training and not takes_batches(norm)
    assert not is_affine(randomize_norms(Activated(4)))
    for other in (nn.BatchNorm2d(4).eval(), nn.Conv2d(4, 4, 1), None,
                  nn.InstanceNorm2d(4, affine=True)):
        assert not is_frozen_norm(other)


@over_kinds
@pytest.mark.parametrize('block', ['DBBConv2d', 'OREPAConv2d', 'RepVGGConv2d'])
def test_a_net_trains_from_what_it_was(kind, block):
    net = net_of(kind(4))
    plain = copy.deepcopy(net)
    mmrep.reparameterize(net, block, include='0')
    for mode in (True, False):
        assert relative_difference(
            plain.train(mode)(IMAGE),
            net.train(mode)(IMAGE)) < 1e-5
        assert not any(norm.training for norm in net[0].norms_inside())
    net.train()(IMAGE).sum().backward()
    assert all(p.grad is not None for p in net[0].parameters())


def test_only_in_front_of_frozen_norms():
    net = mmrep.reparameterize(net_of(FrozenBatchNorm2d(4)), 'DBBConv2d')
    assert all(norm.training for norm in net.train()[3].norms_inside())
    net[0].keep_norms_in_eval(False)
    assert all(norm.training for norm in net.train()[0].norms_inside())


def test_branches_that_come_later():
    net = mmrep.reparameterize(
        net_of(FrozenBatchNorm2d(4)),
        dict(type='DBBConv2d', branches=(), norms=()),
        include='0').train()
    block = net[0]
    block.nest('kxk')
    block.set_options(('1x1', ), ('kxk', 'branches'),
                      kxk=dict(
                          type='DBBConv2d',
                          branches=('1x1', ),
                          norms=('kxk', 'branches')))
    assert len(block.norms_inside()) > 2
    assert not any(norm.training for norm in net.train()[0].norms_inside())


@over_kinds
def test_biases_go_into_them(kind):
    net = mmrep.reparameterize(net_of(kind(4)), 'DBBConv2d')
    fused = fused_of(net)  # it compares the two nets
    assert fused[0].bias is None and fused[3].bias is None
    stock, x = net_of(kind(4)).double().eval(), IMAGE.double()
    stock.load_state_dict(fused.state_dict())
    assert relative_difference(net(x), stock(x)) < 1e-12


def test_biases_stay_in_front_of_an_activation_inside():
    """A norm's output decides, since a class may compute any map."""
    net = mmrep.reparameterize(net_of(Activated(4)), 'DBBConv2d')
    fused = fused_of(net)
    assert fused[0].bias is not None and fused[3].bias is None


def test_a_backbone_of_torchvision():
    torch.manual_seed(0)
    net = torchvision.models.resnet18(norm_layer=FrozenBatchNorm2d)
    net = randomize_norms(
        IntermediateLayerGetter(net, dict(layer1='0', layer2='1'))).train()
    plain, x = copy.deepcopy(net), torch.randn(1, 3, 32, 32)
    mmrep.reparameterize(net, 'DBBConv2d', kernel_size=3)
    for name, out in net(x).items():
        assert relative_difference(plain(x)[name], out) < 1e-5
    randomize_norms(net)
    fused = mmrep.fuse(net)
    for name, out in net(x).items():
        assert relative_difference(out, fused(x)[name]) < 1e-5
    assert fused.state_dict().keys() == plain.state_dict().keys()


@over_kinds
def test_inside_of_blocks(kind):
    layer = mmrep.DBBConv2d(
        4, 4, 3, padding=1, branches=BRANCHES, norm_cfg=dict(type=kind))
    plain = nn.Conv2d(4, 4, 3, padding=1)
    layer.load_state_dict(plain.state_dict())
    assert relative_difference(plain(IMAGE), layer(IMAGE)) < 1e-6
    randomize_norms(layer)
    expected = layer.forward_branches(IMAGE)
    for out in (layer(IMAGE), layer.fuse()(IMAGE)):
        assert relative_difference(expected, out) < 1e-5
    config = layer.config()
    twin = getattr(mmrep, config.pop('type'))(4, 4, 3, padding=1, **config)
    twin.load_state_dict(layer.state_dict())
    assert relative_difference(expected, twin(IMAGE)) < 1e-5


def test_after_a_conversion():
    layer = randomize_norms(mmrep.DBBConv2d(4, 4, 3, padding=1)).eval()
    expected = layer(IMAGE)
    OfMMDet.convert_frozen_batchnorm(layer)
    assert is_frozen_norm(layer.norm)
    assert relative_difference(expected, layer.train()(IMAGE)) < 1e-5
    assert layer.config()['norm_cfg']['type'].endswith('FrozenBatchNorm2d')
    layer.load_state_dict(nn.Conv2d(4, 4, 3).state_dict())


@pytest.mark.parametrize('kind', [OfBatches, Activated])
def test_no_activation_inside_of_blocks(kind):
    with pytest.raises(TypeError, match='nothing else'):
        mmrep.DBBConv2d(4, 4, 3, norm_cfg=dict(type=kind))
