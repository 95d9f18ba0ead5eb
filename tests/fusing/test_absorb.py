"""Biases that fusing makes go into the norms that follow."""
from importlib import import_module
from types import SimpleNamespace

import pytest
import torch
from mmcv.cnn import ConvModule
from mmengine.logging import MMLogger
from torch import nn

import mmrep
from mmrep import DBBConv2d, RepVGGConv2d
from mmrep.deploy import relative_difference
from mmrep.nets.walk import branch_by_branch
from mmrep.testing import randomize_norms

from .biased import Net, bias_of, block, directly, fused_of, two_inputs

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
    assert fused.without_norm.bias is not None  # nothing can take it
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


class InOrder(nn.Module):
    """A net whose norm is registered behind the block, whatever runs where."""

    def __init__(self, use):
        super().__init__()
        self.other = nn.Conv2d(4, 4, 1)
        self.conv = block()
        self.bn = nn.BatchNorm2d(4)
        self.use = use

    def forward(self, x):
        return self.use(self, x)


@pytest.mark.parametrize('use', [
    lambda net, x: net.bn(net.conv(x)) + net.conv(-x),
    lambda net, x: net.bn(net.other(x)) + net.conv(x),
    lambda net, x: net.bn(net.conv(x).relu()),
], ids=['once_bare', 'norm_of_another', 'activation'])  # yapf: disable
def test_the_order_of_modules_proves_nothing(use):
    net = InOrder(use)
    fused = fused_of(net)
    assert relative_difference(bias_of(net.conv), fused.conv.bias) < 1e-12
    assert fused.bn.running_mean.equal(net.bn.running_mean)


@pytest.mark.parametrize('host', ['mmdet', 'mmseg', 'mmpretrain'])
def test_a_stock_resnet_has_all_names(host):
    kind = import_module(f'{host}.models').ResNet
    options = dict(depth=18, base_channels=4)
    net = randomize_norms(kind(conv_cfg=RICH, **options))
    net.eval()  # this returns None
    stock = kind(**options)
    stock.load_state_dict(mmrep.fuse(net).state_dict(), strict=True)
    stock.eval()
    x = torch.randn(1, 3, 64, 64)
    with branch_by_branch(net):
        expected = net(x)
    for a, b in zip(expected, stock(x)):
        assert relative_difference(a, b) < 1e-5


def said(model, capsys):
    MMLogger.get_instance('fuse', logger_name='fuse')
    mmrep.fuse(model)
    captured = capsys.readouterr()
    return captured.out + captured.err


def test_says_what_it_did(capsys):
    assert said(block(), capsys) == said(nn.ReLU(), capsys) == ''
    line = said(Net(directly), capsys)
    assert line.count('\n') == 1 and "'conv'" in line and ' 1 ' in line
    assert 'keep' in said(Net(lambda net, x: net.conv(x)), capsys)
    assert '`example`' in said(Net(two_inputs), capsys)


def test_a_taker_that_no_watch_sees():
    """Compiled code reads the memory of a tensor and asks torch nothing."""

    def hidden(net, x):
        y = net.conv(x)
        with torch._C.DisableTorchFunction():
            z = y.relu()
        return net.bn(y) + z

    net = Net(hidden)
    assert fused_of(net).conv.bias is not None


class Scripted(nn.Module):
    """A net that takes the outputs where no watch sees it."""

    def __init__(self, finish, share=.1):
        super().__init__()
        self.conv, self.bn = block(), nn.BatchNorm2d(4)
        self.finish, self.share = finish, share

    def forward(self, x):
        y = self.conv(x)
        return self.finish(self.bn(y) + self.share * SCRIPTED(y))


SCRIPTED = torch.jit.script(nn.ReLU())


@pytest.mark.parametrize('finish', [
    lambda y: y,
    lambda y: y + 300,
    lambda y: SimpleNamespace(y=[y]),
    lambda y: y.sum().item(),
])
def test_results_that_change(finish):
    torch.manual_seed(0)
    net = randomize_norms(Scripted(finish)).eval()
    assert mmrep.fuse(net).conv.bias is not None


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
@pytest.mark.parametrize('share', [1e-3, 1e-6])
def test_results_that_change_by_less_than_rounding(share, dtype):
    """Double precision shows the change, whatever the net has."""
    torch.manual_seed(0)
    net = randomize_norms(Scripted(lambda y: y, share)).eval().to(dtype)
    assert mmrep.fuse(net).conv.bias is not None


def test_a_net_that_does_not_run_in_double_precision():
    """The net's own precision counts; a small change is rounding there."""

    def single(net, x):
        assert x.dtype == torch.float32
        return directly(net, x)

    net = randomize_norms(Net(single)).eval()
    fused = mmrep.fuse(net)
    assert fused.conv.bias is None and fused.conv.weight.dtype == torch.float32
    x = torch.randn(2, 4, 9, 9)
    assert relative_difference(net(x), fused(x)) < 1e-5


@pytest.mark.parametrize('use',
                         [directly, lambda net, x: directly(net, x) + 300])
def test_rounding_is_no_change(use):
    net = randomize_norms(Net(use)).eval()
    assert mmrep.fuse(net).conv.bias is None


def test_mmpretrain_repvgg():
    """The conversion of mmpretrain leaves out the biases of convolutions."""
    from mmpretrain.models import RepVGG
    arch = dict(
        num_blocks=[1, 1, 1, 1],
        width_factor=[.125, .125, .125, .125],
        group_layer_map=None,
        se_cfg=None)
    x = torch.randn(1, 3, 64, 64).double()
    stock = mmrep.reparameterize(RepVGG(arch), 'DBBConv2d')
    for net in (stock, RepVGG(arch, conv_cfg=dict(type='DBBConv2d'))):
        randomize_norms(net.double())
        net.eval()  # it returns None
        fused = mmrep.fuse(net)
        expected, = net(x)
        assert relative_difference(expected, fused(x)[0]) < 1e-12
        fused.switch_to_deploy()
        assert relative_difference(expected, fused(x)[0]) < 1e-12


def test_on_the_meta_device():
    net = nn.Sequential(
        DBBConv2d(4, 4, 3, bias=False, device='meta'), nn.Conv2d(4, 4, 1))
    assert mmrep.fuse(net)[0].bias is not None
