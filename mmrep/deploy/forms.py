"""Load the two forms of a net: the training form and the fused one."""
from typing import Iterable

from torch import nn

from ..checkpoints.weights import Weights
from ..errors import UserError
from ..nets.walk import names, rep_layers
from ..prefixes import under
from ..structures.from_weights import enrich
from ..structures.matching import load_in_eval

PLAIN = {'weight', 'bias'}  # the weights of a plain convolution


def load_rich(model: nn.Module, weights: Weights, path: str) -> nn.Module:
    """Load the weights of a training form that has blocks to fuse.

    Args:
        model: The model of the config, changed in place.
        weights: The weights of the checkpoint.
        path: The path of the checkpoint, for messages.

    Returns:
        The model in eval mode.

    Raises:
        UserError: The net has no blocks or is fused already, or the weights
            belong to another model.
    """
    enrich(model, weights.state_dict)
    rich = set(rep_layers(model))
    paths = (paths[0] for m, paths in names(model).items() if m in rich)
    if 'mmrep_fused' in weights.meta or _are_plain(weights, paths):
        raise UserError(f'{path!r} is fused already: all its convolutions '
                        'are plain')
    if not rich:
        raise UserError('nothing to fuse: the model of this config has no '
                        're-parameterized layer')
    return load_in_eval(model, weights.state_dict)


def _are_plain(weights: Weights, paths: Iterable[str]) -> bool:
    """Return True if the layers at ``paths`` are plain in the weights."""
    inside = [set(under(weights.state_dict, f'{path}.')) for path in paths]
    return any(inside) and PLAIN.issuperset(set().union(*inside))


def load_plain(model: nn.Module, fused: nn.Module) -> nn.Module:
    """Load the weights of a fused net into the net of its config.

    Args:
        model: The model of the config to write, changed in place.
        fused: The net that fusing made of the training form.

    Returns:
        The model in eval mode.

    Raises:
        UserError: The model has no place for a bias, still has a block, or
            has other weights.
    """
    weights, places = fused.state_dict(), model.state_dict()
    for name in weights:
        if name.endswith('.bias') and name not in places:
            raise UserError(f"cannot fuse {name[:-len('.bias')]!r}: it needs "
                            'a bias, which the stock layer has not, and no '
                            'batch norm directly behind it can take it: give '
                            'the layer a bias, or leave it plain')
    for layer in rep_layers(model):
        raise UserError('cannot fuse this config: its plain form still has a '
                        f'{type(layer).__name__}')
    return load_in_eval(model, weights)
