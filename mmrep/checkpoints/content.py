"""What a checkpoint may hold, checked once for all that read it."""
from collections.abc import Mapping
from typing import Any

import torch

from ..errors import UserError, shown

MAX_NAME = 1000  # characters of a weight's name
MAX_DEPTH = 100  # modules in modules
# where mmengine puts them, and what they are
MAPPINGS = ('meta', 'ema_state_dict')


def check_content(checkpoint: Mapping) -> None:
    """Refuse a checkpoint that what reads it would stumble over.

    Args:
        checkpoint: With weights under ``state_dict``.

    Raises:
        UserError: One of its parts is not what it is by its name.
    """
    check_weights(checkpoint['state_dict'])
    for key in MAPPINGS:
        value = checkpoint.get(key)
        if value is not None and not isinstance(value, Mapping):
            raise UserError(f'its {key!r} (={shown(value)}) must be a dict, '
                            f'it is a {type(value).__name__}')
    if checkpoint.get('ema_state_dict') is not None:
        check_weights(checkpoint['ema_state_dict'])


def check_weights(weights: Mapping) -> None:
    """Refuse what is no state dict of dense tensors.

    Raises:
        UserError: A name is no string or too long or deep, a value is no
            tensor or one without numbers of its own.
    """
    for name, value in weights.items():
        _check_name(name, value)
        if not torch.is_tensor(value):
            raise UserError(f'its {name!r} is a {type(value).__name__}, '
                            'weights must be tensors')
        if (value.layout is not torch.strided or value.is_quantized
                or value.is_meta):
            kind = ('quantized' if value.is_quantized else
                    'meta' if value.is_meta else str(value.layout)[6:])
            raise UserError(f'its {name!r} is a {kind} tensor, weights must '
                            'be dense ones of plain numbers')
    _check_versions(getattr(weights, '_metadata', None))


def _check_name(name: Any, value: Any) -> None:
    if not isinstance(name, str):
        raise UserError(f'its {shown(name)} is a {type(value).__name__}, '
                        'names of weights must be strings')
    depth = name.count('.')
    if len(name) > MAX_NAME or depth > MAX_DEPTH:
        raise UserError(
            f'its {shown(name)} is a name of {len(name)} characters and '
            f'{depth} dots, it may have {MAX_NAME} and {MAX_DEPTH}')


def _check_versions(metadata: Any) -> None:
    """Of modules, by their names, which ``load_state_dict`` compares."""
    if metadata is None:
        return
    known = isinstance(metadata, Mapping) and all(
        isinstance(own, Mapping)
        and isinstance(own.get('version'), (int, type(None)))
        for own in metadata.values())
    if not known:
        raise UserError('the `_metadata` of its state_dict must have a dict '
                        'with a `version` for each module')
