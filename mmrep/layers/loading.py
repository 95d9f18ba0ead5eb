"""State dicts that a layer takes: of any structure, or of a plain conv."""
import copy
import re
import warnings
from typing import Dict, Optional

from torch import Tensor, nn

from ..prefixes import under
from .branch import TOLD
from .frozen_norms import norms_in, reset_norm

PLAIN = {'weight', 'bias'}
NORM = ('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked')
ORIGIN = r'(kxk\.)*weight\Z'  # the name of a block's first kernel
CHANGED = (
    'a layer has taken over the branches of the weights that it loads, and '
    'has other parameters now: an optimizer or a DDP wrapper made before does '
    "not know them. Build the model with type='Restructured' to train it on")


class Foreign(ValueError):
    """The error where another kind of block has saved the weights.

    Examples:
        >>> import mmrep
        >>> from mmrep.layers import Foreign
        >>> layer = mmrep.DBBConv2d(4, 4, 3)
        >>> try:
        ...     layer.read_options(mmrep.OREPAConv2d(4, 4, 3).state_dict())
        ... except Foreign:
        ...     print('another block')
        another block
    """


def adapt(layer: nn.Module, state_dict: dict, prefix: str) -> None:
    """Fit a layer and the state dict it is about to load to each other.

    The weights of a block bring its structure along, which the layer takes
    over. Those of a plain convolution bring none: the layer keeps its
    branches, silenced, so that it computes what the convolution did.

    Args:
        layer: A re-parameterized layer.
        state_dict: State dict of a whole model, completed in place.
        prefix: Prefix of the layer's names in it.
    """
    weights = under(state_dict, prefix)
    if not all(isinstance(each, Tensor) for each in weights.values()):
        return  # torch says which of them is no tensor
    if not PLAIN.issuperset(weights):
        if take(layer, read(layer, weights)):
            warnings.warn(CHANGED)
    elif 'weight' in weights and (weights['weight'].shape
                                  == layer.origin.shape):
        _complete(layer, state_dict, prefix)


def read(layer: nn.Module, weights: Dict[str, Tensor]) -> Optional[dict]:
    """Read which block a layer's weights are of; the layer stays as it is.

    Args:
        layer: A re-parameterized layer.
        weights: Tensors by their names in the layer.

    Returns:
        The options of that block, None where it is the layer as it is or
        where the weights are no such block's.
    """
    if _described(layer.state_dict()) == _described(weights):
        return None
    if not any(re.match(ORIGIN, name) for name in weights):
        return None  # only a part of them: torch tells what is missing
    try:
        return layer.read_options(weights)
    except Exception:  # Foreign, or what a block of others raises for it
        return None  # torch then tells which names do not fit


def _described(weights: Dict[str, Tensor]) -> dict:
    """Return the shapes of weights, and the options that they tell."""
    return {
        name:
        tensor.tolist()
        if name.endswith(f'.{TOLD}') and not tensor.is_meta else tensor.shape
        for name, tensor in weights.items()
    }


def take(layer: nn.Module, options: Optional[dict]) -> bool:
    """Give a layer other options; what it has of them already stays.

    Args:
        layer: A re-parameterized layer.
        options: From :func:`read`; None changes nothing, nor do those of a
            block that is impossible.

    Returns:
        True if the layer has other parameters now.
    """
    if options is None:
        return False
    before = set(layer.parameters())
    try:
        layer.set_options(**options)
    except ValueError:
        return False
    return before != set(layer.parameters())


def _complete(layer: nn.Module, state_dict: dict, prefix: str) -> None:
    """Add silent branches to the state dict of a plain convolution."""
    weight = state_dict.pop(prefix + 'weight')
    if layer.origin.is_meta and not weight.is_meta:
        layer = _real(layer, weight)
    layer.silence()
    if layer.bias is None and prefix + 'bias' in state_dict:
        layer.take_bias(state_dict, prefix + 'bias')
    own = layer.state_dict(keep_vars=True)
    origin = next(n for n, tensor in own.items() if tensor is layer.origin)
    state_dict.update({
        prefix + name: tensor.detach()
        for name, tensor in own.items() if name != 'bias'
    })
    state_dict[prefix + origin] = weight


def take_norm(layer: nn.Module, state_dict: dict, prefix: str, behind: str,
              eps: float) -> None:
    """Load a plain convolution and the norm behind it into a layer.

    The last norm of the layer becomes the norm behind and has the same input,
    as all other branches are silent.

    Args:
        layer: A layer with a ``last_norm``.
        state_dict: State dict of a whole model, completed in place; it loses
            the norm's names.
        prefix: Prefix of the convolution's names.
        behind: Prefix of the norm's names.
        eps: The ``eps`` of the norm behind.
    """
    bias = state_dict.pop(f'{prefix}bias', None)
    norm = {
        name: state_dict.pop(behind + name)
        for name in NORM if behind + name in state_dict
    }
    _complete(layer, state_dict, prefix)
    own = layer.last_norm
    place = next(n for n, module in layer.named_modules() if module is own)
    if bias is not None:
        norm['running_mean'] = norm['running_mean'] - bias
    own_eps = getattr(own, 'eps', 1e-5)
    if own_eps != eps and 'weight' in norm:
        var = norm['running_var']
        norm['weight'] = norm['weight'] * ((var + own.eps) /
                                           (var + eps)).sqrt()
    state_dict.update({
        f'{prefix}{place}.{name}': tensor
        for name, tensor in norm.items()
        if f'{prefix}{place}.{name}' in state_dict
    })


def _real(layer: nn.Module, weight: Tensor) -> nn.Module:
    """Return a copy of a meta layer, initialised on a weight's device."""
    twin = copy.deepcopy(layer).to_empty(device=weight.device).to(weight)
    for norm in norms_in(twin):
        reset_norm(norm)
    twin.reset_parameters()
    return twin
