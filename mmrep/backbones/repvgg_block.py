"""The blocks of RepVGG, under mmpretrain's names."""
from collections import OrderedDict

import torch.utils.checkpoint as cp
from mmengine.model import BaseModule
from torch import Tensor, nn

# the factor by which an SE layer has fewer channels inside
SQUEEZE = 16  # in front of the ReLU, RepVGG-D2se
POST_SQUEEZE = 4  # behind it, RepVGGplus


class SELayer(nn.Module):
    """Squeeze and excitation, under mmpretrain's names.

    Its convolutions start as PyTorch's own do, as in the official code.

    Args:
        channels: Channels of the features.
        squeeze: Factor by which there are fewer channels inside.
    """

    def __init__(self, channels: int, squeeze: int = SQUEEZE) -> None:
        super().__init__()
        inner = max(1, channels // squeeze)
        self.conv1 = _unit(channels, inner, nn.ReLU(inplace=True))
        self.conv2 = _unit(inner, channels, nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        return x * self.conv2(self.conv1(x.mean((2, 3), keepdim=True)))


def _unit(in_channels: int, out_channels: int,
          activate: nn.Module) -> nn.Sequential:
    """A convolution and its activation, under the names of ConvModule.

    mmcv's ConvModule itself would initialise it.
    """
    conv = nn.Conv2d(in_channels, out_channels, 1)
    return nn.Sequential(OrderedDict(conv=conv, activate=activate))


class RepVGGBlock(BaseModule):
    """A 3x3 convolution and ReLU, under mmpretrain's names.

    Args:
        conv: The convolution.
        with_se: Whether squeeze and excitation stands in front of the ReLU, as
            in D2se.
        with_post_se: Whether it stands behind the ReLU, less narrow, as in
            L2pse.
        with_cp: Whether to checkpoint activations.
    """

    def __init__(self,
                 conv: nn.Module,
                 with_se: bool = False,
                 with_post_se: bool = False,
                 with_cp: bool = False) -> None:
        super().__init__()
        channels = conv.out_channels
        self.branch_reparam = conv
        self.se_layer = SELayer(channels) if with_se else nn.Identity()
        self.act = nn.ReLU(inplace=True)
        self.post_se_layer = SELayer(
            channels, POST_SQUEEZE) if with_post_se else nn.Identity()
        self.with_cp = with_cp

    def forward(self, x: Tensor) -> Tensor:
        if self.with_cp and x.requires_grad:
            out = cp.checkpoint(self.branch_reparam, x, use_reentrant=False)
        else:
            out = self.branch_reparam(x)
        return self.post_se_layer(self.act(self.se_layer(out)))
