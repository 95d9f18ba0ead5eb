"""Norms behind convolutions, in every backbone."""
import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

import mmrep
from mmrep import (ACBResNet, AlexNetBN, DBBConv2d, DBBResNet, MobileNetV1,
                   OREPAResNet, RepVGGResNet)
from mmrep.backbones.conv_norm import conv_norm_relu, norm_behind_conv
from mmrep.layers.norm_inside import NormInside
from mmrep.testing import randomize_norms

DBB = dict(type='DBBConv2d')
RESNET = dict(depth=18, base_channels=4)
NETS = {
    'dbb18': (DBBResNet, RESNET),
    'dbb50_deep': (DBBResNet, {
        **RESNET, 'depth': 50,
        'deep_stem': True,
        'avg_down': True
    }),
    'acb18': (ACBResNet, RESNET),
    'repvgg18': (RepVGGResNet, RESNET),
    'all_dbb': (OREPAResNet, {
        **RESNET, 'depth': 50,
        'conv_cfg': DBB
    }),
    'mobilenet': (MobileNetV1, dict(conv_cfg=DBB, widen_factor=1 / 8)),
    'alexnet': (AlexNetBN, dict(conv_cfg=DBB, base_channels=4)),
}
each = pytest.mark.parametrize('name', NETS)


def build(name, **options):
    kind, own = NETS[name]
    torch.manual_seed(0)
    return kind(**own, **options)


def plain(name):
    kind, own = NETS[name]
    return kind(**{**own, 'conv_cfg': dict(type='Conv2d')})


def blocks_and_next(net):
    for parent in net.modules():
        children = list(parent.children())
        yield from zip(children, children[1:])


@each
def test_behind_blocks_only(name):
    net = build(name, norm_behind=False)
    found = [(first, second) for first, second in blocks_and_next(net)
             if isinstance(first, (nn.Conv2d, mmrep.RepConv2d))]
    assert any(isinstance(first, mmrep.RepConv2d) for first, _ in found)
    for first, second in found:
        expected = nn.BatchNorm2d if type(first) is nn.Conv2d else NormInside
        assert type(second) is expected


@each
def test_the_fused_net_is_the_plain_one_and_comes_back(name):
    net = randomize_norms(build(name, norm_behind=False).double()).eval()
    again, alike = build(name, norm_behind=False), plain(name)
    alike.double().load_state_dict(mmrep.fuse(net).state_dict())
    again.double().load_state_dict(alike.state_dict())
    x = torch.randn(2, 3, 96, 96, dtype=torch.double)
    with torch.no_grad():
        expected = net(x)
        for other in (alike.eval(), again.eval()):
            for a, b in zip(expected, other(x), strict=True):
                assert (a - b).norm() < 1e-10 * a.norm()


@each
def test_all_norms_in_eval(name):
    net = build(name, norm_behind=False, norm_eval=True).train()
    norms = [m for m in net.modules() if isinstance(m, _BatchNorm)]
    assert norms and not any(norm.training for norm in norms)


@each
def test_a_step_of_training_reaches_every_weight(name):
    net = build(name, norm_behind=False).train()
    x = torch.randn(2, 3, 96, 96)
    sum(out.square().mean() for out in net(x)).backward()
    assert all(p.grad is not None for p in net.parameters())


@pytest.mark.parametrize('frozen', [0, 2])
def test_frozen_stages(frozen):
    net = build('dbb18', norm_behind=False, frozen_stages=frozen).train()
    for stage in range(1, 5):
        part = getattr(net, f'layer{stage}')
        fixed = stage <= frozen
        assert all(p.requires_grad != fixed for p in part.parameters())
        assert all(m.training != fixed for m in part.modules()
                   if isinstance(m, _BatchNorm))


@pytest.mark.parametrize('depth, last', [(18, None), (50, 0.)])
def test_zero_init_residual(depth, last):
    """No last norm can be zero behind a 3x3, and nothing else is zero."""
    net = DBBResNet(depth, base_channels=4, norm_behind=False)
    net.init_weights()
    for block in net.layer2:
        norm = block.last_norm
        assert getattr(norm, 'weight',
                       None) is last or (norm.weight.eq(last).all())
        inside = block.conv2.norm.weight
        assert inside.eq(1).all()


@pytest.mark.parametrize('net', [
    lambda: OREPAResNet(18, norm_behind=False),
    lambda: DBBResNet(
        18, norm_behind=False, conv_cfg=dict(type='Conv2d')),
    lambda: MobileNetV1(norm_behind=False),
    lambda: AlexNetBN(norm_behind=False),
])  # yapf: disable
def test_no_block_ends_in_norms(net):
    with pytest.raises(
            mmrep.UserError,
            match='`norm_behind` .=False. needs '
            'blocks that end in norms'):
        net()


def test_what_decides():
    norm_cfg = dict(type='BN')
    block, conv = DBBConv2d(3, 4, 3), nn.Conv2d(3, 4, 3)
    bare = DBBConv2d(3, 4, 3, norms=(), branches='1x1')
    for module, behind, kind in ((block, True, nn.BatchNorm2d),
                                 (block, False, NormInside), (conv, False,
                                                              nn.BatchNorm2d),
                                 (bare, False, nn.BatchNorm2d)):
        name, norm = norm_behind_conv(module, norm_cfg, behind, 2)
        assert name == 'bn2' and type(norm) is kind


def test_names_of_convmodule():
    layer = conv_norm_relu(None, dict(type='GN', num_groups=2), True, 3, 4, 1)
    assert [name for name, _ in layer.named_children()] == [
        'conv', 'gn', 'relu']  # yapf: disable
    assert layer.conv.bias is None
