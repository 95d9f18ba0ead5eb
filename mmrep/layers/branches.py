"""The branches of blocks that add features, each with a norm of its own.

A branch is ``x -> norm(conv(x))`` over one or two convolutions. It has no
geometry: the block hands it its own, so that all see the same pixels.
"""
import math
from typing import Callable, Iterable, Optional

import torch
from torch import Tensor, nn
from torch.nn import init

from .. import kernel as K
from ..kernel import Kernel
from .frozen_norms import norms_in, reset_norm
from .geometry import Geometry, like

NormFactory = Callable[[int], nn.Module]


class Branch(nn.Module):
    """One summand of a block.

    ``branch(x, geometry)`` are its features, ``branch.kernel(geometry)`` is
    its kernel with norms in eval mode, of the geometry's size.

    Args:
        geometry: Of the block.
        norm: Makes a norm of so many channels. None: no norm at the end.
        options: The branch's own.
        factory: ``device`` and ``dtype``.
    """

    def __init__(self, geometry: Geometry, norm: Optional[NormFactory],
                 options: dict, factory: dict) -> None:
        super().__init__()
        self.norm = norm and norm(geometry.out_channels)
        self.build(geometry, norm, factory, **options)

    def build(self, geometry: Geometry, norm: Optional[NormFactory],
              factory: dict) -> None:
        """Create what comes before the last norm."""
        raise NotImplementedError

    def weights(self) -> Iterable[Tensor]:
        """What is initialised as the weights of convolutions."""
        return ()

    def last_weight(self) -> Optional[Tensor]:
        """The one whose zero makes the kernel zero, if there is one."""
        return next(iter(self.weights()), None)

    def options(self) -> dict:
        """What made the branch, as plain data."""
        return {}

    def reset_parameters(self) -> None:
        for weight in self.weights():
            init.kaiming_uniform_(weight, a=math.sqrt(5))
        self._reset_norms()

    def _reset_norms(self) -> None:
        for norm in norms_in(self):
            reset_norm(norm)

    @torch.no_grad()
    def silence(self) -> None:
        """Make the kernel zero by its last factor that learns: it regrows."""
        self._reset_norms()
        last = self.last_weight()
        if self.norm is not None and (self.norm.weight.requires_grad
                                      or last is None):
            init.zeros_(self.norm.weight)
        elif last is not None:
            init.zeros_(last)

    def normed(self, out: Tensor) -> Tensor:
        return out if self.norm is None else self.norm(out)

    def folded(self, kernel: Kernel, geometry: Geometry) -> Kernel:
        if self.norm is not None:
            kernel = K.fold_norm(kernel, self.norm)
        return K.pad(kernel, geometry.kernel_size)


class Spatial(Branch):
    """A kernel no larger than the block's, around the same centre."""

    def build(self, geometry: Geometry, norm: Optional[NormFactory],
              factory: dict, size: tuple, spread: int) -> None:
        self.size, self.spread = size, spread
        self.weight = nn.Parameter(
            torch.empty(geometry.out_channels,
                        geometry.in_channels // geometry.groups, *size,
                        **factory))

    def weights(self) -> Iterable[Tensor]:
        return [self.weight]

    def forward(self, x: Tensor, geometry: Geometry) -> Tensor:
        own = geometry.smaller(self.size, self.spread)
        return self.normed(own.conv(x, Kernel(self.weight)))

    def kernel(self, geometry: Geometry) -> Kernel:
        kernel = K.dense(Kernel(self.weight), (self.spread, self.spread))
        return self.folded(kernel, geometry)


class Identity(Branch):
    """What the centre of the kernel sees."""

    def build(self, geometry: Geometry, norm: Optional[NormFactory],
              factory: dict) -> None:
        if norm is None:  # the only trace of the branch in a state dict
            self.register_buffer('like', torch.empty(0, **factory))

    def forward(self, x: Tensor, geometry: Geometry) -> Tensor:
        x = geometry.smaller((1, 1)).pad(x)
        if geometry.stride != (1, 1):  # set later
            x = x[..., ::geometry.stride[0], ::geometry.stride[1]]
        return self.normed(x)

    def kernel(self, geometry: Geometry) -> Kernel:
        there = self.like if self.norm is None else self.norm.running_mean
        eye = K.identity(geometry.in_channels, geometry.groups, **like(there))
        return self.folded(eye, geometry)
