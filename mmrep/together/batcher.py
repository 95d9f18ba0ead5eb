"""Make the kernels of a net's blocks before each of its forward passes."""
import logging
from typing import Any, Dict, Hashable, List, NamedTuple, Optional, Type

import torch
from mmengine.logging import print_log
from torch import nn
from torch.fx import Proxy

from ..compat.compiling import is_functional
from ..compat.tracing import is_transformed
from ..errors import one_line
from ..layers import RepConv2d
from .alike import outermost
from .engine import Direct
from .function import make_kernels
from .planning import plan_of
from .state import State
from .static import Captured, Compiled

MODES = 8  # modes of a net whose plans are kept, such as train and eval


class Known(NamedTuple):
    """A state of a net, and how to make its kernels in that state."""

    state: State
    engines: List[Direct]


class Batcher:
    """A pair of hooks on a module that give its blocks their kernels.

    Copies and pickles start without a plan.

    Args:
        compiled: True to compile, or on a GPU to capture CUDA graphs.
        on_cpu: True to batch small kernels on a CPU, too.
    """

    def __init__(self, compiled: bool = False, on_cpu: bool = True) -> None:
        self.compiled, self.on_cpu = compiled, on_cpu
        self.known: List[Known] = []
        self.used: List[Direct] = []
        self.given: List[RepConv2d] = []
        self.sample: Optional[RepConv2d] = None

    def __reduce__(self) -> tuple:
        return type(self), (self.compiled, self.on_cpu)

    def before(self, module: nn.Module, args: tuple) -> None:
        """Make the kernels anew, and give them to the blocks."""
        if not self._is_wanted(module, args):
            return
        for engine in self._engines(module):
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

    def _is_wanted(self, module: nn.Module, args: tuple) -> bool:
        """Return False where a batch is impossible, or of no use."""
        if is_transformed(module) or is_functional():
            return False
        if torch.onnx.is_in_onnx_export() or any(
                isinstance(arg, Proxy) for arg in args):
            return False
        if not self.on_cpu and _is_on_cpu(module):
            return False
        return self.sample is None or self.sample.makes_kernel()

    def _engines(self, module: nn.Module) -> List[Direct]:
        """Return how to make the kernels of a module as it is now."""
        for state, engines in self.known:
            if state.holds():
                return self._use(engines)
        self.known = [k for k in self.known if k.state.stands()][-MODES:]
        blocks = outermost(module, self.on_cpu)
        self.sample = next(iter(blocks), self.sample)
        if not all(block.makes_kernel() for block in blocks):
            return []  # a batcher around made them, or they are kept
        made = Known(State(module), _engines(blocks, self.compiled))
        self.known.append(made)
        return self._use(made.engines)

    def _use(self, engines: List[Direct]) -> List[Direct]:
        """Return engines, which are the only ones that keep memory."""
        if engines is not self.used:
            for engine in self.used:
                engine.release()
            self.used = engines
        return engines


def _engines(blocks: List[RepConv2d], compiled: bool) -> List[Direct]:
    """Return a plan for blocks that train and one for those that do not.

    Those on another device have plans of their own.
    """
    found: Dict[Hashable, List[RepConv2d]] = {}
    for block in blocks:
        key = block.trains, block.origin.device
        found.setdefault(key, []).append(block)
    made = (_engine(b, compiled, device) for (_, device), b in found.items())
    return [engine for engine in made if engine is not None]


def _engine(blocks: List[RepConv2d], compiled: bool,
            device: torch.device) -> Optional[Direct]:
    kind: Type[Direct] = Direct
    if compiled:
        kind = Captured if device.type == 'cuda' else Compiled
    try:
        return kind(plan_of(blocks, joined=kind is not Compiled))
    except Exception as error:  # a kind of block may do anything
        print_log(
            f'{len(blocks)} blocks make their kernels one by one: '
            f'{one_line(error)}',
            'current',
            level=logging.WARNING)
        return None


def _is_on_cpu(module: nn.Module) -> bool:
    parameter = next(module.parameters(), None)
    return parameter is None or parameter.device.type == 'cpu'
