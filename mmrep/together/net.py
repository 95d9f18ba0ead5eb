"""Let a model make the kernels of all its blocks at once."""
from typing import List, TypeVar

from torch import nn

from ..compat.modules import children_of
from ..layers import RepConv2d
from ..nets.walk import check_module
from .batcher import Batcher

Net = TypeVar('Net', bound=nn.Module)


def batch_kernels(model: Net,
                  enabled: bool = True,
                  compiled: bool = False) -> Net:
    """Let a model make the kernels of all its blocks at once.

    Kernels do not depend on the input: before each forward pass of the
    smallest module around all blocks, those of blocks of the same structure
    are made as one batch.
    """
    check_module(model)
    unbatch(model)
    root = _around(model)
    if enabled and root is not None:
        attach(root, Batcher(compiled))
    return model


def attach(root: nn.Module, batcher: Batcher) -> None:
    """Give a module the hooks of a batcher."""
    root.register_forward_pre_hook(batcher.before)
    root.register_forward_hook(batcher.after, always_call=True)


def unbatch(model: nn.Module) -> None:
    """Remove the hooks of batchers from a module and those inside."""
    for module in model.modules():
        for hooks in (module._forward_pre_hooks, module._forward_hooks):
            for key, hook in list(hooks.items()):
                if isinstance(getattr(hook, '__self__', None), Batcher):
                    del hooks[key]


def _around(model: nn.Module) -> nn.Module:
    """Return the smallest module around all blocks, None without blocks."""
    if isinstance(model, RepConv2d):
        return model
    inside: List[nn.Module] = [
        child for child in children_of(model).values()
        if child is not None and any(
            isinstance(m, RepConv2d) for m in child.modules())
    ]
    if not inside:
        return None
    if len(inside) == 1 and not isinstance(inside[0], RepConv2d):
        return _around(inside[0])
    return model
