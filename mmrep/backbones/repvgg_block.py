"""The blocks of RepVGG, in mmpretrain's names."""
import torch.utils.checkpoint as cp
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

SQUEEZE = 16  # channels of an SE layer are fewer by


class SELayer(BaseModule):
    """Squeeze and excitation, in mmpretrain's names."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(1, channels // SQUEEZE)
        self.conv1 = ConvModule(channels, inner, 1)
        self.conv2 = ConvModule(
            inner, channels, 1, act_cfg=dict(type='Sigmoid'))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.conv2(self.conv1(x.mean((2, 3), keepdim=True)))


class RepVGGBlock(BaseModule):
    """A 3x3 convolution and ReLU; mmpretrain's name of the convolution."""

    def __init__(self,
                 conv: nn.Module,
                 with_se: bool = False,
                 with_cp: bool = False) -> None:
        super().__init__()
        self.branch_reparam = conv
        self.se_layer = SELayer(
            conv.out_channels) if with_se else nn.Identity()
        self.act = nn.ReLU(inplace=True)
        self.with_cp = with_cp

    def forward(self, x: Tensor) -> Tensor:
        if self.with_cp and x.requires_grad:
            out = cp.checkpoint(self.branch_reparam, x, use_reentrant=False)
        else:
            out = self.branch_reparam(x)
        return self.act(self.se_layer(out))
