"""Branches of two convolutions with a norm between."""
from collections import deque
from typing import Iterable, Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn import init

from .. import kernel as K
from ..compat.compiling import is_compiling
from ..errors import UserError
from ..kernel import Kernel
from .branches import Branch, NormFactory
from .frozen_norms import takes_batches
from .geometry import Geometry, is_whole, like
from .inner import build_block

CALLS = 64  # of a layer in one step, at most, with checkpointed activations


class Staged(Branch):
    """1x1, norm, then a spatial kernel.

    Around the image lies what 1x1 and norm make of zeros (DBB, section 3.3).
    That value has a gradient by the weight and bias of the norm; the official
    code detaches it, so that the gradients of this norm differ from those
    there, while outputs do not.
    """

    def build_first(self, geometry: Geometry, norm: Optional[NormFactory],
                    factory: dict, channels: int) -> None:
        self.first = nn.Parameter(
            torch.empty(channels, geometry.in_channels // geometry.groups, 1,
                        1, **factory))
        self.first_norm = norm and norm(channels)
        self.seen = deque(maxlen=CALLS)

    def first_weight(self) -> Tensor:
        return self.first

    def padded(self, x: Tensor, geometry: Geometry) -> Tensor:
        """What the spatial kernel sees."""
        if self.first is None:
            return geometry.pad(x)
        x = F.conv2d(x, self.first_weight(), groups=geometry.groups)
        if self.first_norm is None:
            return geometry.pad(x)
        if geometry.padding_mode != 'zeros':
            return geometry.pad(self.first_norm(x))
        before, x = x, self.first_norm(x)
        edge = self.edge(before)[:, None, None].to(x.dtype)
        return geometry.pad(x - edge) + edge

    def edge(self, x: Tensor) -> Tensor:
        """What the norm makes of zeros, by its running statistics.

        Activation checkpointing runs the forward again in the backward, when
        these have moved on: then those of the forward with this input ``x``
        of the norm are taken.
        """
        norm = self.first_norm
        if not takes_batches(norm) or is_compiling():
            return K.norm_affine(norm)[1]
        key = x.detach().mean((0, 2, 3))
        if torch._C._current_graph_task_id() == -1:  # not in a backward
            self.seen.append(
                (key, norm.running_mean.clone(), norm.running_var.clone()))
            return K.norm_affine(norm)[1]
        seen = [e for e in reversed(self.seen) if e[0].device == key.device]
        if not seen:
            return K.norm_affine(norm)[1]
        keys, means, variances = map(torch.stack, zip(*seen))
        # a choice on the device, for which nothing waits
        nearest = (keys - key).abs().sum(1).argmin(0, keepdim=True)
        return K.norm_affine(norm, (means.index_select(
            0, nearest)[0], variances.index_select(0, nearest)[0]))[1]

    def first_kernel(self) -> Kernel:
        first = Kernel(self.first_weight())
        if self.first_norm is None:
            return first
        return K.fold_norm(first, self.first_norm)


class Average(Staged):
    """1x1, norm, then the mean over the kernel; depthwise the mean alone."""

    def build(self, geometry: Geometry, norm: Optional[NormFactory],
              factory: dict) -> None:
        if geometry.is_depthwise:
            self.first = self.first_norm = None
        else:
            self.build_first(geometry, norm, factory, geometry.out_channels)

    def weights(self) -> Iterable[Tensor]:
        return [] if self.first is None else [self.first]

    def forward(self, x: Tensor, geometry: Geometry) -> Tensor:
        x = self.padded(x, geometry)
        mean = K.average(
            x.size(1), geometry.kernel_size, groups=x.size(1), **like(x))
        out = F.conv2d(x, mean.weight, None, geometry.stride, 0,
                       geometry.dilation, x.size(1))
        return self.normed(out)

    def kernel(self, geometry: Geometry) -> Kernel:
        if self.first is None:
            mean = K.average(geometry.in_channels, geometry.kernel_size,
                             geometry.groups, **like(self.norm.weight))
            return self.folded(mean, geometry)
        first = self.first_kernel()
        height, width = geometry.kernel_size
        weight = (first.weight / (height * width)).expand(
            -1, -1, height, width)
        return self.folded(Kernel(weight, first.bias), geometry)


class PointwiseKxK(Staged):
    """1x1, norm, then a kernel of the block's size, which may be a block.

    As wide between as the input, the 1x1 is stored as its difference from the
    identity; depthwise convolutions are twice as wide (DBB, section 3.4 and
    the official implementation). Without ``difference`` it is stored as it
    is, and decays to zero, as in DyRep.
    """

    def build(self,
              geometry: Geometry,
              norm: Optional[NormFactory],
              factory: dict,
              channels: Optional[int] = None,
              second: Optional[dict] = None,
              difference: bool = True) -> None:
        self.in_channels = geometry.in_channels
        if not difference:  # the only trace of it in a state dict
            self.register_buffer('whole', torch.empty(0, dtype=torch.uint8))
        if channels is not None and (not is_whole(channels) or channels < 1
                                     or channels % geometry.groups):
            raise UserError(
                f"`channels` (={channels!r}) of branch '1x1_kxk' must be a "
                f'whole multiple of `groups` (={geometry.groups})')
        channels = channels or (2 if geometry.is_depthwise else
                                1) * geometry.in_channels
        self.build_first(geometry, norm, factory, channels)
        self.set_second(geometry, second, factory)

    def set_second(self, geometry: Geometry, options: Optional[dict],
                   factory: dict) -> None:
        """Have a plain weight, or the block that ``options`` describe."""
        channels = self.first.size(0)
        if options is None:
            self.second = nn.Parameter(
                torch.empty(geometry.out_channels, channels // geometry.groups,
                            *geometry.kernel_size, **factory))
            return
        self.second = build_block(
            options,
            in_channels=channels,
            out_channels=geometry.out_channels,
            kernel_size=geometry.kernel_size,
            stride=geometry.stride,
            dilation=geometry.dilation,
            groups=geometry.groups,
            bias=False,
            **factory)

    def nest(self, geometry: Geometry, config: dict) -> None:
        """Put a block around the kernel, which stays the very Parameter."""
        weight = self.second
        del self.second
        self.set_second(geometry, config, like(weight))
        self.second.set_origin(weight)

    def unnest(self) -> None:
        """Put the kernel of a block without branches in its place."""
        weight = self.second.weight
        del self.second
        self.second = weight

    @property
    def is_nested(self) -> bool:
        return isinstance(self.second, nn.Module)

    def weights(self) -> Iterable[Tensor]:
        return [self.first] if self.is_nested else [self.first, self.second]

    def last_weight(self) -> Optional[Tensor]:
        return None if self.is_nested else self.second

    def options(self) -> dict:
        return dict(
            channels=self.first.size(0),
            second=self.second.config() if self.is_nested else None,
            difference='whole' not in self._buffers)

    def reset_parameters(self) -> None:
        super().reset_parameters()
        if self.is_nested:
            self.second.reset_parameters()
        if self._is_difference:
            init.zeros_(self.first)

    @property
    def _is_difference(self) -> bool:
        return 'whole' not in self._buffers and (self.first.size(0)
                                                 == self.in_channels)

    def first_weight(self) -> Tensor:
        channels, in_per_group = self.first.shape[:2]
        if not self._is_difference:
            return self.first
        eye = K.identity(channels, channels // in_per_group,
                         **like(self.first))
        return self.first + eye.weight

    def forward(self, x: Tensor, geometry: Geometry) -> Tensor:
        x = self.padded(x, geometry)
        if self.is_nested:
            return self.normed(self.second(x))
        out = F.conv2d(x, self.second, None, geometry.stride, 0,
                       geometry.dilation, geometry.groups)
        return self.normed(out)

    def kernel(self, geometry: Geometry) -> Kernel:
        second = self.second.kernel() if self.is_nested else Kernel(
            self.second)
        return self.folded(
            K.compose(self.first_kernel(), second, geometry.groups), geometry)
