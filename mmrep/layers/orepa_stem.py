"""The stems of OREPA: large kernels as products of small ones.

Section 3.5 of the paper. The kernels run from ``in_channels`` to
``out_channels`` and keep that width.
"""
import math
from functools import reduce
from typing import Iterable

from torch import nn
from torch.nn import init

from .. import kernel as K
from ..kernel import Kernel
from .orepa_branch import KERNEL_BRANCHES, LARGE, KernelBranch
from .orepa_names import Size, stem_sizes


class Stem(KernelBranch):
    """A product of kernels."""

    @classmethod
    def fits(cls, kernel_size: Size) -> bool:
        return max(kernel_size) >= LARGE

    def factor_kernels(self) -> Iterable[Kernel]:
        """Return the factors, in the order in which they see the input."""
        raise NotImplementedError

    def forward(self) -> Kernel:
        return reduce(lambda a, b: K.compose(a, b, self.groups),
                      self.factor_kernels())


@KERNEL_BRANCHES.register_module('plain_stem')
class PlainStem(Stem):
    """A product of 3x3 kernels without branches.

    The official code has it beside the linear deep stem. The kernels start
    like those of ``nn.Conv2d``.
    """

    order = 20

    def build(self, in_per_group: int) -> None:
        self.kernels = nn.ParameterList()
        for size in stem_sizes(self.kernel_size):
            self.kernels.append(
                self.parameter(self.out_channels, in_per_group, *size))
            in_per_group = self.out_channels // self.groups

    def reset_parameters(self) -> None:
        for kernel in self.kernels:
            init.kaiming_uniform_(kernel, a=math.sqrt(5))

    def silence(self) -> None:
        init.zeros_(self.kernels[-1])

    def factor_kernels(self) -> Iterable[Kernel]:
        return map(Kernel, self.kernels)
