"""Build the stems and stages of ResNets from residual blocks."""
from typing import Optional, Sequence, Type

from mmcv.cnn import build_conv_layer
from mmengine.model import Sequential
from torch import nn

from .conv_norm import norm_behind_conv
from .res_block import BlockOptions, ResBlock


def res_stage(block: Type[ResBlock], in_channels: int, mid_channels: int,
              out_channels: int, stride: int, dilations: Sequence[int],
              options: BlockOptions) -> Sequential:
    """A stage with one block per dilation; the first block may stride."""
    shortcut = None
    if stride != 1 or in_channels != out_channels:
        shortcut = _shortcut(in_channels, out_channels, stride, options)
    blocks = [
        block(in_channels, mid_channels, out_channels, stride, dilations[0],
              shortcut, options)
    ]
    for dilation in dilations[1:]:
        blocks.append(
            block(out_channels, mid_channels, out_channels, 1, dilation, None,
                  options))
    return Sequential(*blocks)


def _shortcut(in_channels: int, out_channels: int, stride: int,
              options: BlockOptions) -> nn.Sequential:
    pool = []
    if options.avg_down:
        pool = [
            nn.AvgPool2d(
                stride, stride, ceil_mode=True, count_include_pad=False)
        ]
        stride = 1
    conv = build_conv_layer(
        options.shortcut_conv_cfg,
        in_channels,
        out_channels,
        1,
        stride=stride,
        bias=False)
    norm = norm_behind_conv(conv, options.norm_cfg, options.norm_behind)[1]
    return nn.Sequential(*pool, conv, norm)


def deep_stem(in_channels: int, channels: int,
              options: BlockOptions) -> nn.Sequential:
    """ResNetV1c's stem: three 3x3 convs with norms, the first one strided."""
    half = channels // 2
    layers = []
    for out_channels, stride in ((half, 2), (half, 1), (channels, 1)):
        conv = build_conv_layer(
            options.convs.spatial,
            in_channels,
            out_channels,
            3,
            stride=stride,
            padding=1,
            bias=False)
        norm = norm_behind_conv(conv, options.norm_cfg, options.norm_behind)[1]
        layers += [conv, norm, nn.ReLU(inplace=True)]
        in_channels = out_channels
    return nn.Sequential(*layers)


def stage_dilations(dilation: int, blocks: int, contract: bool,
                    grid: Optional[Sequence[int]]) -> Sequence[int]:
    """The dilation of each block; a ``grid`` lists them all."""
    if grid is not None:
        return tuple(grid)
    first = dilation // 2 if contract and dilation > 1 else dilation
    return (first, ) + (dilation, ) * (blocks - 1)


def inner_width(planes: int, base_channels: int, groups: int,
                width_per_group: Optional[int]) -> int:
    """Channels of a bottleneck's 3x3, as ResNeXt and Wide ResNet count."""
    if width_per_group is None:
        width_per_group = 4 if groups > 1 else base_channels
    return planes * width_per_group // base_channels * groups


def stage_plugins(plugins: Optional[Sequence[dict]], stage: int) -> list:
    """The plugins of one stage; a plugin that names no stages is in all."""
    return [
        plugin for plugin in plugins or ()
        if plugin.get('stages') is None or plugin['stages'][stage]
    ]
