"""Official ACB checkpoints: blocks and ResNets of them, deployed ones too."""
import pytest
import torch
from mmpretrain.models.backbones import ResNet
from torch import nn

from mmrep import ACBConv2d, ACBResNet
from mmrep.checkpoints import convert
from mmrep.checkpoints.complete import check_complete

from .official import (ACB, ACBInside, ResNet18, conv_norm, deployed,
                       difference, randomized)

BOTH = pytest.mark.parametrize('training', [False, True])


def image():
    return torch.randn(2, 3, 64, 64, dtype=torch.double)


@BOTH
@pytest.mark.parametrize('kernel, stride, groups', [(3, 1, 1), (3, 2, 2),
                                                    (5, 1, 4)])
def test_a_block(kernel, stride, groups, training):
    torch.manual_seed(0)
    shape = dict(stride=stride, padding=kernel // 2, groups=groups)
    official = randomized(ACB(nn.Conv2d(4, 8, kernel, **shape)))
    block = ACBConv2d(4, 8, kernel, bias=False, **shape).double()
    block.load_state_dict(convert(official.state_dict()))
    x = torch.randn(2, 4, 9, 11, dtype=torch.double)
    assert difference(official, block, x, training) < 1e-12


@BOTH
@pytest.mark.parametrize('kind, stage0', [(ACB, True), (ACBInside, False)])
def test_a_resnet(kind, stage0, training):
    torch.manual_seed(0)
    official = randomized(ResNet18(kind, conv_norm, 4, stage0))
    net = ACBResNet(18, base_channels=4, norm_behind=False).double()
    weights = convert(official.state_dict())
    check_complete(weights)
    net.load_state_dict(weights)
    assert difference(official, net, image(), training) < 1e-10


def test_with_norms_behind():
    torch.manual_seed(0)
    official = randomized(ResNet18(ACB, conv_norm, 4, True))
    net = ACBResNet(18, base_channels=4).double()
    net.load_state_dict(convert(official.state_dict(), norm_behind=True))
    assert difference(official, net, image(), False) < 1e-10


def test_a_deployed_resnet_is_a_plain_one():
    torch.manual_seed(0)
    official = randomized(
        ResNet18(deployed('fused_conv'), deployed('conv'), 4, True))
    net = ResNet(18, stem_channels=4, base_channels=4).double()
    weights = convert(official.state_dict())
    check_complete(weights)
    net.load_state_dict(weights)
    net.eval()
    with torch.no_grad():
        x = image()
        torch.testing.assert_close(net(x)[-1], official(x))
