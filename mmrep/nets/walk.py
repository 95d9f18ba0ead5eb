"""Find the modules of a model, and put others in their place."""
from contextlib import contextmanager
from typing import Any, Dict, Iterable, Iterator, List

from torch import Tensor, nn

from ..compat.batch_norms import is_frozen_norm
from ..compat.guards import guard_class
from ..compat.modules import children_of
from ..errors import UserError, shown
from ..layers import RepConv2d
from .following import Place, norms_behind, places


def rep_layers(model: nn.Module) -> Iterator[RepConv2d]:
    """Return the outermost blocks of a model, each once."""
    return (module for module in names(model) if isinstance(module, RepConv2d))


def check_module(model: nn.Module) -> nn.Module:
    """Return the model, if it is a module.

    Raises:
        UserError: ``model`` is no ``nn.Module``.
    """
    if not isinstance(model, nn.Module):
        raise UserError(f'`model` (={shown(model)}) must be a '
                        f'torch.nn.Module, not a {type(model).__name__}')
    return model


def names(model: nn.Module) -> Dict[nn.Module, List[str]]:
    """Return all names of each module, in order, without modules in blocks."""
    check_module(model)
    found: Dict[nn.Module, List[str]] = {}

    def walk(module: nn.Module, name: str) -> None:
        found.setdefault(module, []).append(name)
        if isinstance(module, RepConv2d):
            return
        for leaf, child in children_of(module).items():
            if child is not None:
                walk(child, f'{name}.{leaf}' if name else leaf)

    walk(model, '')
    return found


def replace(model: nn.Module, new: Dict[nn.Module, nn.Module]) -> nn.Module:
    """Put ``new[module]`` wherever ``module`` is registered.

    A block takes the mode of its place; see :func:`modes`. In front of a
    frozen norm its norms inside stay in eval mode, too.

    Args:
        model: The model, which is changed in place.
        new: The replacement of each module to replace.

    Returns:
        The model, or the module that replaces it.
    """
    where = places(model)
    at = modes(model, where)
    for module, layer in new.items():
        if layer is not module and isinstance(layer, RepConv2d):
            behind = norms_behind(module, where)
            layer.keep_norms_in_eval(any(map(is_frozen_norm, behind)))
            layer.train(at[module])
    for parent in names(model):
        guard_class(type(parent))  # a write to its dict runs no hook
        if not isinstance(parent, RepConv2d):
            children = children_of(parent)
            for leaf, child in children.items():
                children[leaf] = new.get(child, child)
    return new.get(model, model)


def modes(model: nn.Module, where: Dict[nn.Module,
                                        List[Place]]) -> Dict[nn.Module, bool]:
    """Return the mode of each module, True if it trains.

    The norm behind a convolution tells it, or else the module around. The mode
    of the convolution itself says nothing, since it computes the same in both
    modes: a convolution that was made while the net was in eval mode is in
    training mode.

    Args:
        model: The net.
        where: The result of :func:`mmrep.nets.following.places` for the net.
    """
    found: Dict[nn.Module, bool] = {}

    def walk(module: nn.Module, around: bool) -> None:
        found[module] = around and module.training and found.get(module, True)
        for child in children_of(module).values():
            if child is not None:
                walk(child, around and module.training)

    walk(model, True)
    for module in found:
        behind = norms_behind(module, where) if hasattr(
            module, 'out_channels') else []
        if behind:  # a guess, so the modules around must train as well
            around = (parent.training for parent, _ in where[module])
            # the mode of a frozen norm says nothing
            found[module] = all(around) and all(
                n.training or is_frozen_norm(n) for n in behind)
    return found


@contextmanager
def branch_by_branch(model: nn.Module) -> Iterator[None]:
    """Make every block compute its branches one by one.

    Args:
        model: The model that contains the blocks.
    """
    layers = [m for m in model.modules() if isinstance(m, RepConv2d)]
    own = [vars(layer).get('forward') for layer in layers]
    for layer in layers:
        layer.forward = layer.forward_apart
    try:
        yield
    finally:
        for layer, forward in zip(layers, own):
            del layer.forward
            if forward is not None:  # activation checkpointing sets its own
                layer.forward = forward


def tensors(value: Any) -> Iterable[Tensor]:
    """Yield the tensors in nested lists, tuples and dicts."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        yield from tensors(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors(item)
