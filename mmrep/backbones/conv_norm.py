"""A convolution with its norm and ReLU, under mmcv's names."""
from collections import OrderedDict
from typing import Optional, Tuple, Union

import torch.utils.checkpoint as cp
from mmcv.cnn import build_conv_layer, build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from ..errors import UserError
from ..layers.norm_inside import NormInside

# as the hosts have it; mmengine copies it
INIT_CFG = [
    dict(type='Kaiming', layer='Conv2d'),
    dict(type='Constant', val=1, layer=['_BatchNorm', 'GroupNorm'])
]


def norm_behind_conv(conv: nn.Module,
                     norm_cfg: dict,
                     norm_behind: bool,
                     postfix: Union[int, str] = '') -> Tuple[str, nn.Module]:
    """Build the norm behind a convolution, with its name.

    Args:
        conv: The convolution, plain or a block.
        norm_cfg: Config of the norm.
        norm_behind: Whether a norm stands behind blocks that end in norms of
            their own.
        postfix: End of the norm's name. Defaults to none.
    """
    name, norm = build_norm_layer(norm_cfg, conv.out_channels, postfix)
    if norm_behind or getattr(conv, 'last_norm', None) is None:
        return name, norm
    return name, NormInside(norm_cfg, conv.out_channels)


def check_norm_behind(net: nn.Module, norm_behind: bool) -> None:
    """Refuse ``norm_behind=False`` where no norm can be left out.

    Raises:
        UserError: No block of the net ends in norms of its own.
    """
    if not norm_behind and not any(
            isinstance(module, NormInside) for module in net.modules()):
        raise UserError('`norm_behind` (=False) needs blocks that end in norms'
                        f' of their own, as DBBConv2d: this '
                        f'{type(net).__name__} has none, set it to True')


def conv_norm_relu(conv_cfg: Optional[dict], norm_cfg: dict, norm_behind: bool,
                   in_channels: int, out_channels: int, kernel_size: int,
                   **geometry) -> nn.Sequential:
    """``relu(norm(conv(x)))``, under the names of mmcv's ``ConvModule``.

    A ``ConvModule`` initialises itself, whatever ``init_cfg`` of its parent
    says; this module does not.

    Args:
        conv_cfg: Config of the convolution, None for a plain one.
        norm_cfg: Config of the norm behind it.
        norm_behind: See :func:`norm_behind_conv`.
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Kernel size of the convolution.
        geometry: Further arguments of the convolution.
    """
    conv = build_conv_layer(
        conv_cfg,
        in_channels,
        out_channels,
        kernel_size,
        bias=False,
        **geometry)
    name, norm = norm_behind_conv(conv, norm_cfg, norm_behind)
    return nn.Sequential(
        OrderedDict([('conv', conv), (name, norm),
                     ('relu', nn.ReLU(inplace=True))]))


class SeparableBlock(BaseModule):
    """A depthwise 3x3 and a 1x1, with a norm and ReLU behind each.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        stride: Stride of the depthwise convolution.
        dilation: Dilation of the depthwise convolution.
        conv_cfg: Config of the depthwise convolution, None for a plain one.
        norm_cfg: Config of both norms.
        norm_behind: See :func:`norm_behind_conv`.
        with_cp: Whether to checkpoint activations.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int,
                 dilation: int, conv_cfg: Optional[dict], norm_cfg: dict,
                 norm_behind: bool, with_cp: bool) -> None:
        super().__init__()
        self.depthwise = conv_norm_relu(
            conv_cfg,
            norm_cfg,
            norm_behind,
            in_channels,
            in_channels,
            3,
            stride=stride,
            padding=dilation,
            dilation=dilation,
            groups=in_channels)
        self.pointwise = conv_norm_relu(None, norm_cfg, True, in_channels,
                                        out_channels, 1)
        self.with_cp = with_cp

    def forward(self, x: Tensor) -> Tensor:
        if self.with_cp and x.requires_grad:
            return cp.checkpoint(self._separable, x, use_reentrant=False)
        return self._separable(x)

    def _separable(self, x: Tensor) -> Tensor:
        return self.pointwise(self.depthwise(x))
