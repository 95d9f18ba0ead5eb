"""Fuse any model: every re-parameterized layer becomes a plain convolution."""
import copy
import inspect
from typing import Any, Dict

from mmengine.registry import MODELS
from torch import nn

from .absorb import absorb_biases
from .errors import UserError
from .examples import arguments_of
from .layers import RepConv2d
from .walk import names

PLAIN = dict(type='Conv2d')


def fuse(model: nn.Module, example: Any = None) -> nn.Module:
    """Copy a model with each :class:`RepConv2d` as one ``nn.Conv2d``.

    The copy computes what the model computes in eval mode; the model itself
    stays as it is. The root may itself be such a layer; a layer that stands
    in several places is one convolution in all of them.

    A layer without a bias often fuses to a convolution with one. As stock
    nets have none in front of a batch norm, it goes into the running mean of
    the norm, where the outputs of the convolution go into norms and nowhere
    else: another copy of the model is run once to see that.

    Args:
        model: Any module, with or without re-parameterized layers.
        example: A tensor or a tuple, what ``model`` takes. Defaults to a
            guess, random images; where none is right, biases stay.

    Returns:
        The fused copy, in the mode, dtype and on the device of ``model``.

    Raises:
        UserError: ``model`` is no module, or does not run on ``example``.
    """
    if not isinstance(model, nn.Module):
        raise UserError(f'`model` (={str(model)[:40]!r}) must be a '
                        f'torch.nn.Module, not a {type(model).__name__}')
    if example is not None:
        arguments_of(example)
    layers = {
        layer: paths[0]
        for layer, paths in names(model).items()
        if isinstance(layer, RepConv2d)
    }
    convs = {layer: layer.fuse() for layer in layers}
    memo: Dict[int, Any] = {id(layer): conv for layer, conv in convs.items()}
    fused = copy.deepcopy(model, memo)
    for layer, conv in convs.items():
        _keep_hooks(layer, conv, memo)
    _forget_blocks(fused)
    unbiased = {
        name: convs[layer]
        for layer, name in layers.items() if layer.bias is None
    }
    absorb_biases(fused, unbiased, example)
    return fused


def _keep_hooks(layer: RepConv2d, conv: nn.Conv2d, memo: dict) -> None:
    """What watches or changes the outputs of a layer still does."""
    for name, hooks in vars(layer).items():
        if name.startswith('_forward_') and hooks:
            setattr(conv, name, copy.deepcopy(hooks, memo))


def _forget_blocks(fused: nn.Module) -> None:
    """What a host builds later, as it deploys, is plain as well."""
    for module in fused.modules():
        config = getattr(module, 'conv_cfg', None)
        kind = config.get('type') if isinstance(config, dict) else None
        kind = MODELS.get(kind) if isinstance(kind, str) else kind
        if inspect.isclass(kind) and issubclass(kind, RepConv2d):
            module.conv_cfg = dict(PLAIN)
