"""Make the kernels of a net's blocks before each of its forward passes."""
from typing import Any, Dict, Hashable, List, Optional

import torch
from torch import nn
from torch.fx import Proxy

from ..compat.compiling import is_functional
from ..compat.tracing import is_transformed
from ..layers import RepConv2d
from .alike import outermost
from .engine import Direct
from .function import make_kernels
from .planning import plan_of
from .state import State
from .static import Captured, Compiled


class Batcher:
    """A pair of hooks on a module that give its blocks their kernels.

    Copies and pickles start without a plan.

    Args:
        compiled: True to compile, or on a GPU to capture CUDA graphs.
        on_cpu: True to batch small kernels on a CPU, too.
    """

    def __init__(self, compiled: bool = False, on_cpu: bool = True) -> None:
        self.compiled, self.on_cpu = compiled, on_cpu
        self.state: Optional[State] = None
        self.engines: List[Direct] = []
        self.given: List[RepConv2d] = []

    def __reduce__(self) -> tuple:
        return type(self), (self.compiled, self.on_cpu)

    def before(self, module: nn.Module, args: tuple) -> None:
        """Make the kernels anew, and give them to the blocks."""
        if (is_transformed(module) or is_functional()
                or torch.onnx.is_in_onnx_export()
                or any(isinstance(arg, Proxy) for arg in args)
                or not self.on_cpu and _is_on_cpu(module)):
            return
        if self.state is None or not self.state.holds():
            self.state, self.engines = None, []  # old memory goes first
            self.engines = _engines(
                outermost(module, self.on_cpu), self.compiled)
            self.state = State(module)
        for engine in self.engines:
            blocks = engine.plan.blocks
            if any(block.makes_kernel() for block in blocks):
                for block, kernel in zip(blocks, make_kernels(engine)):
                    block.give_kernel(kernel)
                self.given += blocks

    def after(self, module: nn.Module, args: tuple, output: Any) -> None:
        """Take the kernels away again."""
        for block in self.given:
            block.give_kernel(None)
        self.given = []


def _engines(blocks: List[RepConv2d], compiled: bool) -> List[Direct]:
    """Return a plan for blocks that train and one for those that do not.

    Those on another device have plans of their own.
    """
    found: Dict[Hashable, List[RepConv2d]] = {}
    for block in blocks:
        key = block.trains, block.origin.device
        found.setdefault(key, []).append(block)
    return [
        _engine(same, compiled, device) for (_, device), same in found.items()
    ]


def _engine(blocks: List[RepConv2d], compiled: bool,
            device: torch.device) -> Direct:
    if not compiled:
        return Direct(plan_of(blocks))
    if device.type == 'cuda':
        return Captured(plan_of(blocks))
    return Compiled(plan_of(blocks, joined=False))


def _is_on_cpu(module: nn.Module) -> bool:
    parameter = next(module.parameters(), None)
    return parameter is None or parameter.device.type == 'cpu'
