"""Branches of a single kernel, or of none."""
from typing import Iterable, Optional, Tuple, Type

import torch
from torch import Tensor, nn

from .. import kernel as K
from ..kernel import Kernel
from .bound import Bound, convolved, normed
from .branch import BRANCHES, Branch, NormFactory, numbers_in
from .geometry import Geometry, like
from .steps import convolution, sees_all

Size = Tuple[int, int]


def is_written(branch: Branch, kind: Type[Branch]) -> bool:
    """Return True if a branch runs as its kind of this file does."""
    own = type(branch)
    return own.forward is kind.forward and own.normed is Branch.normed


class Spatial(Branch):
    """A kernel no larger than the block's, around the same centre."""

    @classmethod
    def size_of(cls, name: str, kernel_size: Size) -> Tuple[Size, int]:
        """Return the kernel size, and the dilation in units of the block's."""
        raise NotImplementedError

    @classmethod
    def fits(cls, name: str, geometry: Geometry, normed: bool) -> bool:
        size, spread = cls.size_of(name, geometry.kernel_size)
        reach = [(n - 1) * spread + 1 for n in size]
        return size != geometry.kernel_size and all(
            r <= k for r, k in zip(reach, geometry.kernel_size))

    def build(self, geometry: Geometry, norm: Optional[NormFactory],
              factory: dict) -> None:
        self.size, self.spread = self.size_of(self.name, geometry.kernel_size)
        self.weight = nn.Parameter(
            torch.empty(geometry.out_channels,
                        geometry.in_channels // geometry.groups, *self.size,
                        **factory))

    def weights(self) -> Iterable[Tensor]:
        return [self.weight]

    def forward(self, x: Tensor, geometry: Geometry) -> Tensor:
        conv = convolution(geometry, self.size, self.spread)
        if conv is None:
            own = geometry.smaller(self.size, self.spread)
            return self.normed(own.conv(x, Kernel(self.weight)))
        return self.normed(conv(x, self.weight))

    def bound_to(self, geometry: Geometry) -> Bound:
        conv = convolution(geometry, self.size, self.spread)
        if conv is None or not is_written(self, Spatial):
            return super().bound_to(geometry)
        return convolved(self, geometry, conv)

    def kernel(self, geometry: Geometry) -> Kernel:
        kernel = K.dense(Kernel(self.weight), (self.spread, self.spread))
        return self.folded(kernel, geometry)


@BRANCHES.register_module('kxk_N')
class Further(Spatial):
    """``kxk_1``, ``kxk_2``, ...: a further kernel of full size."""

    pattern, order = r'kxk_\d+', 0

    @classmethod
    def size_of(cls, name: str, kernel_size: Size) -> Tuple[Size, int]:
        return kernel_size, 1

    @classmethod
    def fits(cls, name: str, geometry: Geometry, normed: bool) -> bool:
        return True


@BRANCHES.register_module('1x1')
class Pointwise(Spatial):
    """``1x1``, at the centre of the kernel."""

    order = 10

    @classmethod
    def size_of(cls, name: str, kernel_size: Size) -> Tuple[Size, int]:
        return (1, 1), 1


class Line(Spatial):
    """One row or column of the kernel, longer than a pixel."""

    @classmethod
    def fits(cls, name: str, geometry: Geometry, normed: bool) -> bool:
        size, _ = cls.size_of(name, geometry.kernel_size)
        return size != (1, 1) and super().fits(name, geometry, normed)


@BRANCHES.register_module('1xk')
class MiddleRow(Line):
    """``1xk``, the middle row."""

    order = 40

    @classmethod
    def size_of(cls, name: str, kernel_size: Size) -> Tuple[Size, int]:
        return (1, kernel_size[1]), 1


@BRANCHES.register_module('kx1')
class MiddleColumn(Line):
    """``kx1``, the middle column."""

    order = 50

    @classmethod
    def size_of(cls, name: str, kernel_size: Size) -> Tuple[Size, int]:
        return (kernel_size[0], 1), 1


@BRANCHES.register_module('HxW_dD')
class Sized(Spatial):
    """``3x3``, ``5x5_d2``, ...: a kernel by its size and its dilation."""

    pattern, order = r'[1-9]\d*x[1-9]\d*(_d[1-9]\d*)?', 70

    @classmethod
    def size_of(cls, name: str, kernel_size: Size) -> Tuple[Size, int]:
        height, width, *spread = numbers_in(name)
        return (height, width), *(spread or [1])


@BRANCHES.register_module('identity')
class Identity(Branch):
    """``identity``, the pixels that the centre of the kernel sees."""

    order = 60
    cancelled_by = '1x1'

    @classmethod
    def fits(cls, name: str, geometry: Geometry, normed: bool) -> bool:
        return geometry.keeps_shape and (normed
                                         or geometry.kernel_size != (1, 1))

    def build(self, geometry: Geometry, norm: Optional[NormFactory],
              factory: dict) -> None:
        if norm is None:  # a state dict has no other trace of the branch
            self.register_buffer('like', torch.empty(0, **factory))

    def forward(self, x: Tensor, geometry: Geometry) -> Tensor:
        return self.normed(x if sees_all(geometry) else geometry.centre(x))

    def bound_to(self, geometry: Geometry) -> Bound:
        if not sees_all(geometry) or not is_written(self, Identity):
            return super().bound_to(geometry)
        return normed(self, geometry)

    def kernel(self, geometry: Geometry) -> Kernel:
        there = self.like if self.norm is None else self.norm.running_mean
        eye = K.identity(geometry.in_channels, geometry.groups, **like(there))
        return self.folded(eye, geometry)
