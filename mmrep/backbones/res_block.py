"""The residual blocks of ResNet and ResNeXt, under OpenMMLab's names."""
from typing import NamedTuple, Optional, Sequence

import torch.utils.checkpoint as cp
from mmcv.cnn import build_conv_layer, build_plugin_layer
from mmcv.cnn.bricks import DropPath
from mmengine.model import BaseModule
from torch import Tensor, nn

from .conv_norm import norm_behind_conv


class Convs(NamedTuple):
    """The configs of the 7x7, the 1x1 and the 3x3 convolutions."""

    stem: Optional[dict] = None
    pointwise: Optional[dict] = None
    spatial: Optional[dict] = None


class BlockOptions(NamedTuple):
    """Options that all residual blocks of a stage share."""

    convs: Convs = Convs()
    shortcut_conv_cfg: Optional[dict] = None
    norm_cfg: dict = dict(type='BN')
    norm_behind: bool = True
    style: str = 'pytorch'
    avg_down: bool = False
    groups: int = 1
    dcn: Optional[dict] = None
    plugins: Sequence[dict] = ()
    with_cp: bool = False
    drop_path_rate: float = 0.0


class ResBlock(BaseModule):
    """``relu(shortcut(x) + norm(conv(... relu(norm(conv(x))))))``.

    Modules are ``conv1``, ``bn1`` ... (``gn1`` with a group norm) and
    ``downsample``, as in all hosts.

    Args:
        in_channels: Channels of the input.
        mid_channels: Channels between the convs.
        out_channels: Channels of the output.
        stride: Stride of the whole block.
        dilation: Dilation of the whole block.
        downsample: The shortcut, None for the identity.
        options: Options that all blocks of the stage share.
    """

    expansion = 1

    def __init__(self, in_channels: int, mid_channels: int, out_channels: int,
                 stride: int, dilation: int, downsample: Optional[nn.Module],
                 options: BlockOptions) -> None:
        super().__init__()
        self.options = options
        self.norm_names, self.plugin_names = [], []
        self._build(in_channels, mid_channels, out_channels, stride, dilation)
        self.downsample = downsample
        self.relu = nn.ReLU(inplace=True)
        rate = options.drop_path_rate
        self.drop_path = DropPath(rate) if rate else nn.Identity()

    def _build(self, in_channels: int, mid_channels: int, out_channels: int,
               stride: int, dilation: int) -> None:
        raise NotImplementedError

    def _add(self,
             in_channels: int,
             out_channels: int,
             size: int,
             dcn: Optional[dict] = None,
             **geometry) -> None:
        """Add the next conv with its norm and its plugins."""
        index = len(self.norm_names) + 1
        convs = self.options.convs
        conv = build_conv_layer(
            dcn or (convs.pointwise if size == 1 else convs.spatial),
            in_channels,
            out_channels,
            size,
            bias=False,
            **geometry)
        name, norm = norm_behind_conv(conv, self.options.norm_cfg,
                                      self.options.norm_behind, index)
        self.add_module(f'conv{index}', conv)
        self.add_module(name, norm)
        self.norm_names.append(name)
        self.plugin_names.append([])
        for plugin in self.options.plugins:
            if plugin['position'] == f'after_conv{index}':
                self._add_plugin(dict(plugin['cfg']), out_channels)

    def _add_plugin(self, cfg: dict, channels: int) -> None:
        name, plugin = build_plugin_layer(
            cfg, cfg.pop('postfix', ''), in_channels=channels)
        self.add_module(name, plugin)
        self.plugin_names[-1].append(name)

    @property
    def last_norm(self) -> nn.Module:
        return getattr(self, self.norm_names[-1])

    def forward(self, x: Tensor) -> Tensor:
        if self.options.with_cp and x.requires_grad:
            out = cp.checkpoint(self._residual, x, use_reentrant=False)
        else:
            out = self._residual(x)
        return self.relu(out)

    def _residual(self, x: Tensor) -> Tensor:
        out = x
        last = self.norm_names[-1]
        for i, name in enumerate(self.norm_names):
            out = getattr(self, name)(getattr(self, f'conv{i + 1}')(out))
            if name != last:
                out = self.relu(out)
            for plugin in self.plugin_names[i]:
                out = getattr(self, plugin)(out)
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.drop_path(out) + shortcut


class BasicBlock(ResBlock):
    """3x3 (strided, dilated), 3x3."""

    def _build(self, in_channels: int, mid_channels: int, out_channels: int,
               stride: int, dilation: int) -> None:
        if self.options.dcn or self.options.plugins:
            raise ValueError('`dcn` and `plugins` need bottleneck blocks: '
                             '`depth` must be at least 50')
        self._add(
            in_channels,
            mid_channels,
            3,
            stride=stride,
            padding=dilation,
            dilation=dilation)
        self._add(mid_channels, out_channels, 3, padding=1)


class Bottleneck(ResBlock):
    """1x1, 3x3 (dilated, grouped), 1x1; ``style`` says which one strides."""

    expansion = 4

    def _build(self, in_channels: int, mid_channels: int, out_channels: int,
               stride: int, dilation: int) -> None:
        first, second = (1, stride) if self.options.style == 'pytorch' else (
            stride, 1)
        dcn = dict(self.options.dcn or {})
        if dcn.pop('fallback_on_stride', False):
            dcn = None  # whatever the stride, as in the hosts
        self._add(in_channels, mid_channels, 1, stride=first)
        self._add(
            mid_channels,
            mid_channels,
            3,
            dcn=dcn,
            stride=second,
            padding=dilation,
            dilation=dilation,
            groups=self.options.groups)
        self._add(mid_channels, out_channels, 1)
