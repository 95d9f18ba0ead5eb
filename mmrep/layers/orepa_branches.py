"""The branches of an OREPA block.

Section 3.5 of the paper and its figure 5; initial values as in the official
implementation.
"""
import math
from typing import Sequence, Tuple

import torch
from torch import Tensor
from torch.nn import init

from .. import kernel as K
from ..compat.reacting import Reacting
from ..kernel import Kernel
from .geometry import like
from .orepa_branch import KERNEL_BRANCHES, KernelBranch
from .orepa_names import default_channels
from .orepa_terms import Filters, KernelPair, PerChannel, Term

DEPTHWISE_MULTIPLIER = 8  # filters per input channel, as official


class FilteredKernel(Reacting, KernelBranch):
    """1x1, then one fixed filter per output channel."""

    def build(self, in_per_group: int) -> None:
        super().build(in_per_group)
        self.register_buffer(
            'filters',
            torch.empty(self.out_channels, 1, *self.kernel_size,
                        **self.factory),
            persistent=False)

    def filter(self) -> Tensor:
        """Return filters (out_channels or 1, 1, *kernel_size), on the CPU."""
        raise NotImplementedError

    def reset_parameters(self) -> None:
        super().reset_parameters()
        self._refresh()

    def _refresh(self) -> None:
        """Make the filters anew, as memory may hold anything else."""
        self.filters = self.filter().to(self.weight).expand(
            self.out_channels, -1, -1, -1).contiguous()

    def after_moving(self) -> None:
        self._refresh()  # `to_empty` gives memory without values

    def after_loading(self) -> None:
        if self.filters.device != self.weight.device:  # it was assigned
            self._refresh()

    def term(self) -> Term:
        return Filters()

    def term_factors(self) -> Sequence[Tensor]:
        # sharding may change the precision of parameters alone
        return self.weight, self.filters.to(self.weight.dtype)

    def forward(self) -> Kernel:
        weight, filters = self.term_factors()
        return Kernel(weight * filters)


@KERNEL_BRANCHES.register_module('1x1')
class PointwiseKernel(FilteredKernel):
    """1x1, at the centre of the kernel."""

    order, first_scale = 40, 1.0

    def filter(self) -> Tensor:
        one = torch.ones(1, 1, 1, 1)
        return K.pad(Kernel(one), self.kernel_size).weight


@KERNEL_BRANCHES.register_module('average')
class AverageKernel(FilteredKernel):
    """1x1, then the mean over the kernel."""

    order, first_scale = 10, 0.25

    def filter(self) -> Tensor:
        return K.average(1, self.kernel_size, dtype=torch.float64).weight


@KERNEL_BRANCHES.register_module('prior')
class PriorKernel(FilteredKernel):
    """1x1, then a cosine filter."""

    order, first_scale = 20, 0.0

    def filter(self) -> Tensor:
        return frequency_prior(self.out_channels, self.kernel_size)


@KERNEL_BRANCHES.register_module('1x1_kxk')
class StagedKernel(KernelBranch):
    """1x1, stored as the difference from the identity, then kxk.

    The identity is repeated where there are more channels between them.
    """

    order, first_scale = 30, 0.5
    last = 'second'
    names = ('first', 'second')

    def build(self, in_per_group: int) -> None:
        channels = self.internal_channels or default_channels(
            self.in_channels, self.groups)
        self.first = self.parameter(channels, in_per_group, 1, 1)
        self.second = self.parameter(self.out_channels,
                                     channels // self.groups,
                                     *self.kernel_size)

    def reset_parameters(self) -> None:
        init.zeros_(self.first)
        init.kaiming_uniform_(self.second, a=0)

    def term(self) -> Term:
        return KernelPair(self.groups, from_identity=True)

    def forward(self) -> Kernel:
        channels, in_per_group = self.first.shape[:2]
        eye = K.identity(in_per_group, **like(self.first)).weight
        first = self.first + eye.repeat(channels // in_per_group, 1, 1, 1)
        return K.compose(Kernel(first), Kernel(self.second), self.groups)


@KERNEL_BRANCHES.register_module('separable')
class SeparableKernel(KernelBranch):
    """Depthwise kxk, then 1x1: the linear separable convolution."""

    order, first_scale = 50, 0.5
    last = 'pointwise'
    names = ('depthwise', 'pointwise')

    def build(self, in_per_group: int) -> None:
        self.depthwise = self.parameter(
            self.in_channels * DEPTHWISE_MULTIPLIER, 1, *self.kernel_size)
        self.pointwise = self.parameter(self.out_channels,
                                        in_per_group * DEPTHWISE_MULTIPLIER, 1,
                                        1)

    def term(self) -> Term:
        return PerChannel(self.groups, self.in_channels)

    def forward(self) -> Kernel:
        return K.separable(
            Kernel(self.depthwise), Kernel(self.pointwise), self.in_channels,
            self.groups)


@KERNEL_BRANCHES.register_module('product')
class ProductKernel(KernelBranch):
    """1x1, then 1x1: the Rep-1x1 structure; one factor starts as identity."""

    order, first_scale = 10, 0.5
    last = 'second'
    names = ('first', 'second')

    @classmethod
    def fits(cls, kernel_size: Tuple[int, int]) -> bool:
        return max(kernel_size) == 1

    def build(self, in_per_group: int) -> None:
        channels = min(self.in_channels, self.out_channels)
        self.first = self.parameter(channels, in_per_group, 1, 1)
        self.second = self.parameter(self.out_channels,
                                     channels // self.groups, 1, 1)

    def reset_parameters(self) -> None:
        eye, free = self.second, self.first
        if self.out_channels > self.in_channels:
            eye, free = free, eye
        init.kaiming_uniform_(free, a=1)
        with torch.no_grad():
            eye.copy_(K.identity(eye.size(0), self.groups).weight)

    def term(self) -> Term:
        return KernelPair(self.groups, from_identity=False)

    def forward(self) -> Kernel:
        return K.compose(Kernel(self.first), Kernel(self.second), self.groups)


def frequency_prior(channels: int, size: Sequence[int]) -> Tensor:
    """Return filters ``cos(pi (h + 1/2) (i + 1) / height)`` of channel i.

    From the middle channel on, w and width replace h and height, and i counts
    anew. Qin et al., FcaNet, ICCV 2021, as the official OREPA has it for 3x3.

    Returns:
        Filters of (channels, 1, height, width), one per output channel.
    """
    index = torch.arange(channels, dtype=torch.float64)
    vertical = index < channels / 2
    order = torch.where(vertical, index, index - channels / 2) + 1
    rows, columns = [
        torch.cos((torch.arange(n) + 0.5) * order[:, None] * math.pi / n)
        for n in size
    ]
    height, width = size
    return torch.where(vertical[:, None, None],
                       rows[:, :, None].expand(-1, height, width),
                       columns[:, None, :].expand(-1, height, width))[:, None]
