"""The parts of a block as functions of their input."""
from typing import List, NamedTuple, Optional

import torch.nn.functional as F
from torch import Tensor, nn

from ..compat.modules import children_of, parameters_of
from ..kernel import Kernel
from .bound import Bound
from .branch import Branch
from .geometry import Geometry
from .steps import convolution


class Parts(NamedTuple):
    """What a block adds up, and its own norms."""

    nests: bool  # True if blocks may be inside
    kxk: Bound  # without its norm
    norm: Optional[nn.Module]
    branches: List[Bound]
    sum_norm: Optional[nn.Module]


def plain_parts(block: nn.Module, geometry: Geometry) -> Parts:
    """Return the parts of a block as calls of its modules.

    Args:
        block: The block.
        geometry: The block's geometry.
    """
    kxk, norm, last = own_modules(block)
    branches = [
        Branch.bound_to(branch, geometry)
        for branch in block.branches.values()
    ]
    if kxk is None:
        return Parts(True, lambda x: geometry.conv(x, Kernel(block.weight)),
                     norm, branches, last)
    return Parts(True, kxk, norm, branches, last)


def bound_parts(block: nn.Module, geometry: Geometry) -> Parts:
    """Return :func:`plain_parts` in calls of PyTorch, as far as it can be.

    They hold as long as no module of the block is replaced.

    Args:
        block: The block.
        geometry: The block's geometry.
    """
    kxk, norm, last = own_modules(block)
    branches = [
        branch.bound_to(geometry) for branch in block.branches.values()
    ]
    if kxk is None:
        kxk = own_conv(block, geometry)
    return Parts(bool(block.inner_blocks()), kxk, norm, branches, last)


def own_modules(block: nn.Module) -> List[Optional[nn.Module]]:
    """Return the block in place of the kxk, and the norms."""
    inside = children_of(block)
    return [inside.get(name) for name in ('kxk', 'norm', 'sum_norm')]


def own_conv(block: nn.Module, geometry: Geometry) -> Bound:
    """Return the convolution with a block's own kernel."""
    weights = parameters_of(block)
    conv = convolution(geometry, geometry.kernel_size)

    def run(x: Tensor) -> Tensor:
        weight = weights.get('weight')
        if conv is None or weight is None:  # such as one parametrized
            return geometry.conv(x, Kernel(block.weight))
        return F.conv2d(x, weight, None, *conv.call)

    return run
