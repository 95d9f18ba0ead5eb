"""Make the kernels of a net's blocks before each of its forward passes."""
from typing import Any, Dict, Hashable, List, Optional

import torch
from torch import nn
from torch.fx import Proxy

from ..compat.compiling import is_functional
from ..compat.tracing import is_transformed
from ..layers import RepConv2d
from .alike import outermost
from .function import make_kernels
from .plan import Plan
from .planning import plan_of
from .state import State


class Batcher:
    """A pair of hooks on a module that give its blocks their kernels.

    Copies and pickles start without a plan.

    Args:
        any_size: True to batch large kernels on a CPU, too.
    """

    def __init__(self, any_size: bool = False) -> None:
        self.any_size = any_size
        self.state: Optional[State] = None
        self.plans: List[Plan] = []
        self.given: List[RepConv2d] = []

    def __reduce__(self) -> tuple:
        return type(self), (self.any_size, )

    def before(self, module: nn.Module, args: tuple) -> None:
        """Make the kernels anew, and give them to the blocks."""
        if (is_transformed(module) or is_functional()
                or torch.onnx.is_in_onnx_export()
                or any(isinstance(arg, Proxy) for arg in args)):
            return
        if self.state is None or not self.state.holds():
            self.state, self.plans = None, []
            self.plans = _plans(outermost(module, self.any_size))
            self.state = State(module)
        for plan in self.plans:
            if any(block.makes_kernel() for block in plan.blocks):
                for block, kernel in zip(plan.blocks, make_kernels(plan)):
                    block.give_kernel(kernel)
                self.given += plan.blocks

    def after(self, module: nn.Module, args: tuple, output: Any) -> None:
        """Take the kernels away again."""
        for block in self.given:
            block.give_kernel(None)
        self.given = []


def _plans(blocks: List[RepConv2d]) -> List[Plan]:
    """Return a plan for blocks that train and one for those that do not.

    Those on another device have plans of their own.
    """
    found: Dict[Hashable, List[RepConv2d]] = {}
    for block in blocks:
        key = block.trains, block.origin.device
        found.setdefault(key, []).append(block)
    return [plan_of(same) for same in found.values()]
