"""The stem of plain kernels, of the official OREPA."""
import math
from functools import reduce

from torch import nn
from torch.nn import init

from .. import kernel as K
from ..kernel import Kernel
from .orepa_branches import Branch
from .orepa_names import stem_sizes


class PlainStem(Branch):
    """A product of 3x3 kernels without branches that makes a large one.

    The official code has it beside the linear deep stem of section 3.5. The
    kernels run from ``in_channels`` to ``out_channels``, keep that width, and
    start as ``nn.Conv2d``'s.
    """

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

    def forward(self) -> Kernel:
        return reduce(lambda a, b: K.compose(a, b, self.groups),
                      map(Kernel, self.kernels))
