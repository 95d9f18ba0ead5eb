"""Nets with the names of official repositories, built from torch's layers."""
from collections import OrderedDict

import torch
from torch import Tensor, nn

from mmrep.testing import randomize_norms


def conv_norm(conv: nn.Conv2d, relu: bool = False) -> nn.Module:
    """Make an official pair of ``conv`` and ``bn``."""
    conv.bias = None
    return nn.Sequential(
        OrderedDict(
            conv=conv,
            bn=nn.BatchNorm2d(conv.out_channels),
            relu=nn.ReLU() if relu else nn.Identity()))


class ACB(nn.Module):
    """A sum of ``square_conv``, ``ver_conv`` and ``hor_conv``, with norms."""

    def __init__(self, conv: nn.Conv2d, relu: bool = False) -> None:
        super().__init__()
        (size, _), (pad, _) = conv.kernel_size, conv.padding
        for name, kernel, padding in (('square', (size, size), (pad, pad)),
                                      ('ver', (size, 1), (pad, 0)),
                                      ('hor', (1, size), (0, pad))):
            branch = nn.Conv2d(
                conv.in_channels,
                conv.out_channels,
                kernel,
                conv.stride,
                padding,
                groups=conv.groups,
                bias=False)
            self.add_module(f'{name}_conv', branch)
            self.add_module(f'{name}_bn', nn.BatchNorm2d(conv.out_channels))
        self.relu = nn.ReLU() if relu else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(
            sum(
                getattr(self, f'{name}_bn')(getattr(self, f'{name}_conv')(x))
                for name in ('square', 'ver', 'hor')))


class ACBInside(nn.Sequential):
    """The block of ACNet, one level deeper if a ReLU follows."""

    def __init__(self, conv: nn.Conv2d, relu: bool = False) -> None:
        super().__init__()
        if relu:
            self.add_module('acb', ACB(conv, relu))
        else:
            self._modules = ACB(conv)._modules
            self.forward = lambda x: ACB.forward(self, x)


def deployed(name: str):
    """Return a maker of convolutions with a bias, under a name."""

    def make(conv: nn.Conv2d, relu: bool = False) -> nn.Module:
        return nn.Sequential(
            OrderedDict([(name, conv),
                         ('relu', nn.ReLU() if relu else nn.Identity())]))

    return make


class Residual(nn.Module):
    """A residual block: two 3x3 convolutions and a shortcut."""

    def __init__(self, spatial, other, channels: tuple, stride: int) -> None:
        super().__init__()
        first, second = channels
        self.conv1 = spatial(
            nn.Conv2d(first, second, 3, stride, padding=1), relu=True)
        self.conv2 = spatial(nn.Conv2d(second, second, 3, padding=1))
        self.shortcut = nn.Identity() if first == second else other(
            nn.Conv2d(first, second, 1, stride))

    def forward(self, x: Tensor) -> Tensor:
        return (self.conv2(self.conv1(x)) + self.shortcut(x)).relu()


class ResNet18(nn.Module):
    """A net that returns its last map; ACNet's has no ``stage0``."""

    def __init__(self, spatial, other, width: int, stage0: bool) -> None:
        super().__init__()
        stem = other(nn.Conv2d(3, width, 7, 2, padding=3), relu=True)
        if stage0:
            self.stage0 = nn.Sequential(OrderedDict(conv1=stem))
        else:
            self.conv1 = stem
        self.pool = nn.MaxPool2d(3, 2, padding=1)
        widths = [width, width, 2 * width, 4 * width, 8 * width]
        for i, channels in enumerate(zip(widths, widths[1:]), 1):
            self.add_module(
                f'stage{i}',
                nn.Sequential(
                    Residual(spatial, other, channels, 1 + (i > 1)),
                    Residual(spatial, other, (channels[1], ) * 2, 1)))

    def forward(self, x: Tensor) -> Tensor:
        stem = self.stage0 if hasattr(self, 'stage0') else self.conv1
        x = self.pool(stem(x))
        for stage in (self.stage1, self.stage2, self.stage3, self.stage4):
            x = stage(x)
        return x


class MobileNet(nn.Sequential):
    """A net of ``conv1`` and 13 blocks in ``stem``; returns its last map."""

    def __init__(self, spatial, other, width: int) -> None:
        outs = [width * n for n in (2, 4, 4, 8, 8, *[16] * 6, 32, 32)]
        blocks = []
        for i, (first, second) in enumerate(zip([width, *outs], outs)):
            stride = 2 if i in (1, 3, 5, 11) else 1
            depthwise = nn.Conv2d(
                first, first, 3, stride, padding=1, groups=first)
            blocks.append(
                nn.Sequential(
                    OrderedDict(
                        depthwise=spatial(depthwise, relu=True),
                        pointwise=other(
                            nn.Conv2d(first, second, 1), relu=True))))
        super().__init__(
            OrderedDict(
                conv1=spatial(nn.Conv2d(3, width, 3, 2, padding=1), relu=True),
                stem=nn.Sequential(*blocks)))


def randomized(net: nn.Module) -> nn.Module:
    return randomize_norms(net.double()).eval()


@torch.no_grad()
def difference(official: nn.Module, ours: nn.Module, x: Tensor,
               training: bool) -> float:
    """Return the relative difference of the last maps."""
    expected = official.train(training)(x)
    out = ours.train(training)(x)
    out = out[-1] if isinstance(out, tuple) else out
    return ((expected - out).norm() / expected.norm()).item()
