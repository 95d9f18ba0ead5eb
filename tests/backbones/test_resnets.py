"""The methods' ResNets: their blocks, and plain weights in them."""
import pytest
import torch
import torchvision
from mmengine.registry import MODELS, init_default_scope
from torch import nn

import mmrep
from mmrep import DBBResNet, OREPAResNet, RepVGGResNet
from mmrep.deploy import relative_difference
from mmrep.testing import randomize_norms

# relative difference of the last stage in training mode with plain weights:
# 0 up to rounding for sums of kernels, rounding and the eps of two norms else
RICH = {
    'orepa': (lambda: OREPAResNet(50), 1e-6),
    'dbb': (lambda: DBBResNet(50), 5e-4),
    'repvgg': (lambda: RepVGGResNet(50), 5e-4),
    'acb': (lambda: DBBResNet(50, conv_cfg=dict(type='ACBConv2d')), 5e-3),
}


@pytest.fixture(scope='module')
def torchvision_weights():
    """Weights of a torchvision ResNet-50 with settled norms, no download."""
    torch.manual_seed(0)
    net = torchvision.models.resnet50(weights=None).train()
    with torch.no_grad():
        for _ in range(2):
            net(torch.randn(4, 3, 64, 64))
    randomize_last_gammas(net)
    return net.state_dict()


def randomize_last_gammas(net):
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)


def stock(weights):
    init_default_scope('mmpretrain')
    net = MODELS.build(dict(type='ResNet', depth=50, out_indices=(0, 1, 2, 3)))
    assert not net.load_state_dict(weights, strict=False).missing_keys
    return net


@torch.no_grad()
def differences(plain, rich, x):
    return [relative_difference(a, b) for a, b in zip(plain(x), rich(x))]


@pytest.mark.parametrize('name', RICH)
def test_plain_resnet_50_loads(torchvision_weights, name):
    build, tolerance = RICH[name]
    rich, plain = build(), stock(torchvision_weights)
    faults = rich.load_state_dict(torchvision_weights, strict=False)
    assert not faults.missing_keys
    assert faults.unexpected_keys == ['fc.weight', 'fc.bias']
    x = torch.randn(4, 3, 64, 64)
    plain.eval(), rich.eval()
    assert max(differences(plain, rich, x)) < 1e-5
    plain.train(), rich.train()
    assert max(differences(plain, rich, x)) < tolerance


@pytest.mark.parametrize('cls, kinds', [
    (OREPAResNet, ('OREPAConv2d', ) * 3),
    (DBBResNet, ('Conv2d', 'Conv2d', 'DBBConv2d')),
    (RepVGGResNet, ('Conv2d', 'Conv2d', 'RepVGGConv2d')),
])
def test_which_convolutions_are_blocks(cls, kinds):
    net = cls(50, base_channels=8)
    block = net.layer1[0]
    convs = net.conv1, block.conv1, block.conv2
    assert tuple(type(conv).__name__ for conv in convs) == kinds
    assert type(block.downsample[0]) is type(block.conv1)
    assert type(cls(18, base_channels=8).layer2[0].downsample[0]) is nn.Conv2d


@pytest.mark.parametrize('cls', [DBBResNet, RepVGGResNet])
def test_norms_inside_are_as_those_around(cls):
    cfg = dict(type='SyncBN', eps=1e-3, requires_grad=False)
    net = cls(18, base_channels=8, norm_cfg=cfg)
    norms = net.layer1[0].conv1.norms_inside()
    assert norms and all(isinstance(n, nn.SyncBatchNorm) for n in norms)
    assert {norm.eps for norm in norms} == {1e-3}
    assert not any(norm.weight.requires_grad for norm in norms)


@pytest.mark.parametrize('conv_cfg', [
    'ACBConv2d', 'DBBConv2d', 'QARepVGGConv2d', 'MobileOneConv2d',
    'OREPAVGGConv2d'
])
def test_any_block_in_all_places(conv_cfg):
    net = DBBResNet(50, base_channels=8, conv_cfg=dict(type=conv_cfg))
    randomize_norms(net).double().eval()
    fused = mmrep.fuse(net)
    kinds = {type(m).__name__ for m in net.modules() if hasattr(m, 'origin')}
    assert conv_cfg in kinds
    x = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    assert max(differences(net, fused, x)) < 1e-10


@pytest.mark.parametrize('cls', [DBBResNet, RepVGGResNet])
def test_frozen_and_norm_eval(cls):
    net = cls(18, base_channels=8, frozen_stages=1, norm_eval=True).train()
    assert not any(p.requires_grad for p in net.layer1.parameters())
    assert all(p.requires_grad for p in net.layer2.parameters())
    layers = [m for m in net.modules() if isinstance(m, mmrep.RepConv2d)]
    assert not any(norm.training for layer in layers
                   for norm in layer.norms_inside())
