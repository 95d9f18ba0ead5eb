"""Let a model make the kernels of all its blocks at once."""
from typing import Optional, TypeVar

from torch import nn

from ..compat.hooks import drop_hooks
from ..compat.modules import children_of
from ..layers import RepConv2d
from ..layers.geometry import check_flag
from ..nets.walk import check_module, rep_layers
from .batcher import Batcher

Net = TypeVar('Net', bound=nn.Module)


def batch_kernels(model: Net,
                  enabled: bool = True,
                  compiled: bool = False) -> Net:
    """Let a model make the kernels of all its blocks at once.

    Kernels do not depend on the input. The smallest module around all blocks
    makes them at the start of each of its forward passes, those of blocks with
    the same structure as one batch, which a GPU's host can ask for in a
    fraction of the time. Outputs, gradients, names, checkpoints and optimizers
    stay.

    The backbones of mmrep do so on a GPU by themselves; this function serves
    other models, and CPUs, where it batches small kernels only. Blocks with
    norms that train make no kernel while they train, and nothing changes for
    them. The batches stay in memory, and need as much as the parameters of the
    blocks do. All parameters of a batch get their gradients at the end of the
    backward pass, so that several losses of one forward pass need one backward
    of their sum, or ``retain_graph=True``, even if they share no layer.

    Args:
        model: Any module, changed in place: it gets hooks, which its copies
            and pickles keep.
        enabled: False for kernels that each block makes by itself. Defaults
            to True.
        compiled: True to run the batches as two CUDA graphs on a GPU, and as
            compiled code on a CPU, where compiling takes a minute or two. The
            gradients of the kernels then stay in memory, too. Defaults to
            False.

    Returns:
        ``model``.

    Raises:
        UserError: ``model`` is no module, or a flag is neither True nor False.

    Examples:
        >>> import torch
        >>> import mmrep
        >>> net = mmrep.OREPAResNet(18, base_channels=4)
        >>> net = mmrep.batch_kernels(net)
        >>> net(torch.randn(2, 3, 32, 32))[-1].sum().backward()
    """
    check_module(model)
    check_flag('enabled', enabled)
    check_flag('compiled', compiled)
    unbatch(model)
    root = _around(model)
    if enabled and root is not None:
        attach(root, Batcher(compiled))
    return model


def attach(root: nn.Module, batcher: Batcher) -> None:
    """Give a module the hooks of a batcher.

    Args:
        root: A module around blocks.
        batcher: The batcher, of this module alone.
    """
    root.register_forward_pre_hook(batcher.before)
    root.register_forward_hook(batcher.after, always_call=True)


def unbatch(model: nn.Module) -> None:
    """Remove the hooks of batchers from a module and from those inside."""
    for module in model.modules():
        drop_hooks(module, _is_batcher)


def _is_batcher(hook: object) -> bool:
    return isinstance(getattr(hook, '__self__', None), Batcher)


def _around(model: nn.Module) -> Optional[nn.Module]:
    """Return the smallest module around all blocks that runs, if any does."""
    if isinstance(model, RepConv2d):
        return model
    inside = [
        child for child in children_of(model).values()
        if child is not None and any(rep_layers(child))
    ]
    if len(inside) == 1 and not isinstance(inside[0], RepConv2d):
        found = _around(inside[0])
        if type(found).forward is not nn.Module.forward:  # as in a ModuleList
            return found
    return model if inside else None
