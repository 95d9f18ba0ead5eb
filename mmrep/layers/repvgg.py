"""RepVGG: kxk + 1x1 + identity, each with a batch norm of its own.

Ding et al., RepVGG: Making VGG-style ConvNets Great Again, CVPR 2021.
"""
import math
from typing import Iterable

import torch
import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmengine.registry import MODELS
from torch import Tensor, nn
from torch.nn import init

from .. import kernel as K
from ..kernel import Kernel
from .rep_conv import RepConv2d


@MODELS.register_module()
class RepVGGConv2d(RepConv2d):
    """``norm(conv_kxk(x)) + norm(conv_1x1(x)) + norm(x)`` (section 3.2).

    The identity branch is there when stride is 1 and the channels agree; 1x1
    and identity see what the centre of the kernel sees, whatever the padding.
    With all norms in eval mode the block runs as one convolution.

    Args:
        args, kwargs: The arguments of ``nn.Conv2d``.
        norm_cfg: A batch norm. Defaults to dict(type='BN').

    Raises:
        ValueError: One of ``nn.Conv2d``'s arguments is impossible.
        TypeError: ``norm_cfg`` is no batch norm with running statistics.
    """

    def __init__(self, *args, norm_cfg: dict = dict(type='BN'),
                 **kwargs) -> None:
        super().__init__(*args, **kwargs)

        def norm() -> nn.Module:
            return _batch_norm(norm_cfg, self.out_channels).to(self.weight)

        self.norm = norm()
        self.pointwise = self.pointwise_norm = self.identity_norm = None
        if self.kernel_size != (1, 1):
            self.pointwise = nn.Parameter(
                torch.empty_like(self.weight[:, :, :1, :1]))
            self.pointwise_norm = norm()
        if self.stride == (1, 1) and self.in_channels == self.out_channels:
            self.identity_norm = norm()
        self.reset_parameters()

    def _norms(self) -> Iterable[nn.Module]:
        norms = (self.norm, self.pointwise_norm, self.identity_norm)
        return [norm for norm in norms if norm is not None]

    def reset_parameters(self) -> None:
        for weight in (self.weight, self.pointwise):
            if weight is not None:
                init.kaiming_uniform_(weight, a=math.sqrt(5))
        for norm in self._norms():
            norm.reset_parameters()
        self._reset_bias()

    def forward_branches(self, x: Tensor) -> Tensor:
        out = self.norm(self._conv(x, Kernel(self.weight)))
        centre = self._centre(x)
        if self.pointwise is not None:
            out = out + self.pointwise_norm(
                F.conv2d(centre, self.pointwise, groups=self.groups))
        if self.identity_norm is not None:
            out = out + self.identity_norm(centre)
        return self._add_bias(out)

    def _centre(self, x: Tensor) -> Tensor:
        """The pixels under the kernel's centre, one per output pixel."""
        edges = self._reversed_padding_repeated_twice
        if self.padding_mode != 'zeros':
            x, edges = F.pad(x, edges, self.padding_mode), [0] * 4
        for axis, (k, d) in enumerate(zip(self.kernel_size, self.dilation)):
            at, left = (k - 1) // 2, 2 - 2 * axis  # F.pad lists width first
            edges = list(edges)
            edges[left] -= at * d
            edges[left + 1] -= (k - 1 - at) * d
        if any(edges):
            x = F.pad(x, edges)
        return x[:, :, ::self.stride[0], ::self.stride[1]]

    def _kernel(self) -> Kernel:
        kernels = [K.fold_norm(Kernel(self.weight), self.norm)]
        if self.pointwise is not None:
            kernels.append(
                K.fold_norm(Kernel(self.pointwise), self.pointwise_norm))
        if self.identity_norm is not None:
            eye = K.identity(
                self.in_channels,
                self.groups,
                device=self.weight.device,
                dtype=self.weight.dtype)
            kernels.append(K.fold_norm(eye, self.identity_norm))
        return K.add(*[K.pad(k, self.kernel_size) for k in kernels])

    @torch.no_grad()
    def _silence(self) -> None:
        for norm in self._norms():
            norm.reset_running_stats()
            norm.weight.fill_(
                math.sqrt(1 + norm.eps) if norm is self.norm else 0)
            norm.bias.zero_()

    @torch.no_grad()
    def _take_bias(self, state_dict: dict, key: str) -> None:
        self.norm.bias.copy_(state_dict.pop(key))


def _batch_norm(norm_cfg: dict, channels: int) -> nn.Module:
    norm = build_norm_layer(norm_cfg, channels)[1]
    if getattr(norm, 'running_var', None) is None or norm.weight is None:
        raise TypeError(
            f'`norm_cfg` (={norm_cfg}) must be a batch norm with running '
            'statistics and an affine map: other norms cannot be folded')
    return norm
