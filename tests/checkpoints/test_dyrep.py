"""DyRep's checkpoints, against an independent form of its block."""
import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from mmrep import DBBConv2d, DBBResNet
from mmrep.checkpoints import convert
from mmrep.deploy import relative_difference
from mmrep.testing import randomize_norms

BRANCHES = ('1x1', '1x1_kxk', '1x1_average', '1xk', 'kx1', 'identity')


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


class PaddedNorm(nn.Module):
    """A norm, then padding by the value that it makes of zeros."""

    def __init__(self, channels, padding):
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)
        self.padding = [padding] * 4

    def forward(self, x):
        out, bn = self.bn(x), self.bn
        edge = F.batch_norm(
            torch.zeros_like(x[:1, :, :1, :1]), bn.running_mean,
            bn.running_var, bn.weight, bn.bias)
        return F.pad(out - edge, self.padding) + edge


class Block(nn.Module):
    """The sum of branches in the paper's figure 2, by the official names."""

    def __init__(self, channels, out, k=3, stride=1, groups=1, pad=None,
                 branches=BRANCHES):  # yapf: disable
        super().__init__()
        pad = k // 2 if pad is None else pad
        self.args = (channels, out, k, stride, groups, pad)

        def conv(size, padding, bias=False):
            return nn.Conv2d(
                channels, out, size, stride, padding, 1, groups, bias=bias)

        def normed(convolution):
            return named(conv=convolution, bn=nn.BatchNorm2d(out))

        self.dbb_kxk = normed(conv(k, pad, bias=True))
        if '1x1' in branches:
            self.dbb_1x1 = normed(conv(1, 0))
        if '1xk' in branches:
            self.dbb_1xk = normed(conv((1, k), (0, pad)))
        if 'kx1' in branches:
            self.dbb_kx1 = normed(conv((k, 1), (pad, 0)))
        if '1x1_kxk' in branches:
            self.dbb_1x1_kxk = named(
                conv1=nn.Conv2d(
                    channels, channels, 1, groups=groups, bias=False),
                bn1=PaddedNorm(channels, pad),
                conv2=conv(k, 0),
                bn2=nn.BatchNorm2d(out))
        if '1x1_average' in branches and groups < out:
            self.dbb_1x1_avg = named(
                conv=nn.Conv2d(channels, out, 1, groups=groups, bias=False),
                bn=PaddedNorm(out, pad),
                avg=nn.AvgPool2d(k, stride),
                avgbn=nn.BatchNorm2d(out))
        elif '1x1_average' in branches:
            self.dbb_1x1_avg = named(
                avg=nn.AvgPool2d(k, stride, pad), avgbn=nn.BatchNorm2d(out))
        if 'identity' in branches and channels == out and stride == 1:
            self.dbb_id = nn.BatchNorm2d(out)

    def forward(self, x):
        return sum(branch(x) for branch in self.children())


def named(**modules):
    out = nn.Sequential()
    for name, module in modules.items():
        out.add_module(name, module)
    return out


def grown(parent, name, **options):
    """Grow a convolution of the block to a block."""
    conv = getattr(parent, name)
    block = Block(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size[0],
        conv.stride[0],
        conv.groups,
        pad=conv.padding[0],
        **options)
    setattr(parent, name, block)
    return block


def cut_back(parent, name):
    """Replace a block without branches by a convolution with a bias."""
    conv = getattr(parent, name)
    channels, out, k, stride, groups, pad = conv.args if isinstance(
        conv, Block) else (conv.in_channels, conv.out_channels,
                           conv.kernel_size[0], conv.stride[0], conv.groups,
                           conv.padding[0])
    setattr(parent, name,
            nn.Conv2d(channels, out, k, stride, pad, 1, groups, bias=True))


def nested_kxk(block):
    grown(block.dbb_kxk, 'conv')
    return block


def nested_second(block):
    grown(block.dbb_1x1_kxk, 'conv2', branches=('1x1_kxk', '1x1_average'))
    return block


def nested_both(block):
    return nested_second(nested_kxk(block))


def cut_inside(block):
    cut_back(block.dbb_kxk, 'conv')
    cut_back(block.dbb_1x1_kxk, 'conv2')
    return block


def ours(block, state_dict):
    channels, out, k, stride, groups, pad = block.args
    layer = DBBConv2d(
        channels,
        out,
        k,
        stride,
        pad,
        groups=groups,
        bias=False,
        branches=BRANCHES)
    layer.load_state_dict(state_dict)
    return layer


def close(a, b):
    return torch.testing.assert_close(a, b, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize('kwargs', [
    dict(channels=8, out=8),
    dict(channels=6, out=12, stride=2, groups=2),
    dict(channels=8, out=8, groups=8, k=5),
    dict(channels=8, out=8, branches=('identity', 'kx1')),
    dict(channels=8, out=8, branches=()),
], ids=str)  # yapf: disable
@pytest.mark.parametrize('training', [False, True])
def test_block(kwargs, training):
    check(Block(**kwargs), training)


@pytest.mark.parametrize('change', [
    nested_kxk, nested_second, nested_both, cut_inside
])  # yapf: disable
@pytest.mark.parametrize('training', [False, True])
@pytest.mark.parametrize('kwargs', [
    dict(channels=8, out=8),
    dict(channels=8, out=12, stride=2, groups=4),
], ids=str)  # yapf: disable
def test_changed_block(change, kwargs, training):
    check(change(Block(**kwargs)), training)


def check(block, training):
    randomize_norms(block).train(training)
    layer = ours(block, convert(block.state_dict())).train(training)
    x = torch.randn(4, block.args[0], 9, 11)
    close(layer(x), block(x))
    after = convert(block.state_dict())  # equal statistics
    assert after.keys() == layer.state_dict().keys()
    for name, tensor in layer.state_dict().items():
        close(tensor, after[name])


def test_names_of_nested_blocks():
    block = nested_both(Block(8, 8, branches=('1x1_kxk', )))
    official, out = block.state_dict(), convert(block.state_dict())
    weights = {
        name
        for name in out if '1x1_average' not in name and 'norm' not in name
    }
    inside = ('weight', 'branches.1x1_kxk.first', 'branches.1x1_kxk.second',
              'branches.1x1_kxk.whole')
    assert weights == {
        'branches.1x1_kxk.first',
        'branches.1x1_kxk.whole',
        *(f'branches.1x1_kxk.second.{name}' for name in inside),
        *(f'kxk.{name}' for name in inside),
        *(f'kxk.branches.{name}.weight' for name in ('1x1', '1xk', 'kx1')),
    }
    # first factors are stored whole, not as differences: they decay to zero
    first = official['dbb_1x1_kxk.conv1.weight']
    assert out['branches.1x1_kxk.first'].equal(first)


class Deployed(nn.Module):
    """A block after the official ``switch_to_deploy``."""

    def __init__(self, conv):
        super().__init__()
        self.conv_deployed = nn.Conv2d(
            conv.in_channels, conv.out_channels, 3, conv.stride, 1, bias=True)

    def forward(self, x):
        return self.conv_deployed(x)


def dyrepped(deployed=False):
    """Make a ResNet-18 with blocks that grew, nested and were cut back."""
    net = torchvision.models.resnet18(num_classes=5)
    if deployed:
        for stage in (net.layer1, net.layer3):
            stage[0].conv1 = Deployed(stage[0].conv1)
        return randomize_norms(net).eval()
    nested_both(grown(net.layer1[0], 'conv1'))
    grown(net.layer2[0], 'conv1', branches=('1x1_kxk', '1x1_average'))
    cut_back(net.layer3[0], 'conv2')
    cut_inside(grown(net.layer4[1], 'conv2'))
    return randomize_norms(net).eval()


@pytest.mark.parametrize('deployed', [False, True])
@torch.no_grad()
def test_network(deployed):
    net = dyrepped(deployed)
    checkpoint = dict(
        model=net.state_dict(),
        ema_model=None,
        dyrep=dict(dbb_graph=[('layer1.0.conv1', [1] * 7)]))
    backbone = DBBResNet(18).eval()
    backbone.load_state_dict(convert(checkpoint))
    x = torch.randn(1, 3, 64, 64)
    expected = net.maxpool(net.relu(net.bn1(net.conv1(x))))
    for name, out in zip(('layer1', 'layer2', 'layer3', 'layer4'),
                         backbone(x)):
        expected = getattr(net, name)(expected)
        assert relative_difference(expected, out) < 1e-5
    head = convert(checkpoint, target='classifier')
    assert head['head.fc.weight'] is checkpoint['model']['fc.weight']


def test_all_blocks_cut_back():
    """Only a bias tells the file from a plain ResNet's."""
    net = torchvision.models.resnet18()
    mean = net.layer1[0].bn2.running_mean.clone()
    cut_back(net.layer1[0], 'conv2')
    out = convert(net.state_dict())
    assert out.keys() == torchvision.models.resnet18().state_dict().keys() - {
        'fc.weight', 'fc.bias'
    }
    assert out['layer1.0.bn2.running_mean'].equal(mean -
                                                  net.layer1[0].conv2.bias)
