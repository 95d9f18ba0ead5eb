"""Biases that fusing makes go into the norms that follow."""
import torch
from mmcv.cnn import ConvModule
from torch import nn

import mmrep
from mmrep import RepVGGConv2d
from mmrep.deploy import relative_difference
from mmrep.testing import randomize_norms

RICH = dict(type='RepVGGConv2d')


class Model(nn.Module):

    def __init__(self):
        super().__init__()
        self.first = ConvModule(
            4, 4, 3, padding=1, conv_cfg=RICH, norm_cfg=dict(type='BN'))
        self.conv1 = RepVGGConv2d(4, 4, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.with_bias = nn.Sequential(
            RepVGGConv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4))
        self.without_norm = RepVGGConv2d(4, 4, 3, padding=1, bias=False)

    def forward(self, x):
        x = self.bn1(self.conv1(self.first(x)))
        return self.without_norm(self.with_bias(x))


def test_absorb():
    torch.manual_seed(0)
    model = randomize_norms(Model()).eval()
    fused = mmrep.fuse(model)
    assert fused.first.conv.bias is None and fused.conv1.bias is None
    assert fused.with_bias[0].bias is not None  # the plain conv has one, too
    assert fused.without_norm.bias is not None  # nowhere to put it
    x = torch.randn(2, 4, 9, 9)
    assert relative_difference(model(x), fused(x)) < 1e-5
    stock = ConvModule(4, 4, 3, padding=1, norm_cfg=dict(type='BN'))
    stock.load_state_dict(fused.first.state_dict())


def test_shared_conv_with_several_norms():
    conv = RepVGGConv2d(4, 4, 3, padding=1, bias=False)
    levels = [nn.Sequential(conv, nn.BatchNorm2d(4)) for _ in range(2)]
    model = randomize_norms(nn.Sequential(*levels)).eval()
    fused = mmrep.fuse(model)
    x = torch.randn(2, 4, 9, 9)
    assert fused[0][0] is fused[1][0] and fused[0][0].bias is None
    assert relative_difference(model(x), fused(x)) < 1e-5


def test_shared_conv_with_a_norm_in_one_place_only():
    conv = RepVGGConv2d(4, 4, 3, padding=1, bias=False)
    model = nn.Sequential(nn.Sequential(conv, nn.BatchNorm2d(4)), conv)
    randomize_norms(model).eval()
    fused = mmrep.fuse(model)
    x = torch.randn(2, 4, 9, 9)
    assert relative_difference(model(x), fused(x)) < 1e-5


def test_norm_that_comes_first():
    model = ConvModule(
        4,
        4,
        3,
        padding=1,
        conv_cfg=RICH,
        norm_cfg=dict(type='BN'),
        order=('norm', 'conv', 'act'))
    model = randomize_norms(nn.Sequential(model)).eval()
    fused = mmrep.fuse(model)
    x = torch.randn(2, 4, 9, 9)
    assert relative_difference(model(x), fused(x)) < 1e-5


def test_a_norm_behind_two_convs_takes_no_bias():
    norm = nn.BatchNorm2d(4)
    convs = [RepVGGConv2d(4, 4, 3, padding=1, bias=False) for _ in range(2)]
    model = nn.Sequential(convs[0], norm, convs[1], norm)
    randomize_norms(model).eval()
    fused = mmrep.fuse(model)
    x = torch.randn(2, 4, 9, 9)
    assert relative_difference(model(x), fused(x)) < 1e-5
    assert fused[0].bias is not None and fused[2].bias is not None


def test_a_norm_without_running_statistics_takes_no_bias():
    norm = nn.BatchNorm2d(4, track_running_stats=False)
    model = nn.Sequential(RepVGGConv2d(4, 4, 3, bias=False), norm).eval()
    fused = mmrep.fuse(model)
    assert fused[0].bias is not None


def test_a_norm_behind_a_plain_conv_too_takes_no_bias():

    class Both(nn.Module):

        def __init__(self):
            super().__init__()
            norm = nn.BatchNorm2d(4)
            rich = RepVGGConv2d(4, 4, 3, padding=1, bias=False)
            self.rich = nn.Sequential(rich, norm)
            self.plain = nn.Sequential(nn.Conv2d(4, 4, 1), norm)

        def forward(self, x):
            return self.rich(x) + self.plain(x)

    model = randomize_norms(Both()).eval()
    fused = mmrep.fuse(model)
    x = torch.randn(2, 4, 9, 9)
    assert relative_difference(model(x), fused(x)) < 1e-5
