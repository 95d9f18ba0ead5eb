"""Check the content of a checkpoint, once for all code that reads it."""
import re
from collections.abc import Mapping
from numbers import Integral
from typing import Any, Optional

import torch
from torch import Tensor

from ..compat.modules import versions_of
from ..errors import UserError, shown

MAX_NAME = 1000  # characters of a weight's name
MAX_DEPTH = 100  # modules in modules
MAX_REPEATED = 2**20  # numbers in a tensor that repeats its memory
# dtypes that `copy_` converts into those of a model
PLAIN = re.compile(r'torch\.(bool|u?int(8|16|32|64)|b?float\d+|float8_\w+)')
DOT = re.compile(r'\.')
# keys of mmengine under which there are dicts
MAPPINGS = ('meta', 'ema_state_dict')


def check_content(checkpoint: Mapping) -> None:
    """Refuse a checkpoint that would break the code that reads it.

    Args:
        checkpoint: The checkpoint, with weights under ``state_dict``.

    Raises:
        UserError: A part of the checkpoint is not what its name says.
    """
    check_weights(checkpoint['state_dict'])
    for key in MAPPINGS:
        value = checkpoint.get(key)
        if value is not None and not isinstance(value, Mapping):
            raise UserError(f'its {key!r} (={shown(value)}) must be a dict, '
                            f'it is a {type(value).__name__}')
    if checkpoint.get('ema_state_dict') is not None:
        check_weights(checkpoint['ema_state_dict'])
    for key in ('epoch', 'iter'):
        value = (checkpoint.get('meta') or {}).get(key)
        if value is not None and not isinstance(value, Integral):
            raise UserError(f'the {key!r} (={shown(value)}) of its meta must '
                            'be a whole number')


def check_weights(weights: Mapping) -> None:
    """Refuse a mapping that is no state dict of dense tensors.

    Raises:
        UserError: A name is no string, too long or too deep, or a value is
            no tensor or a tensor without numbers of its own.
    """
    for name, value in weights.items():
        _check_name(name, value)
        if not torch.is_tensor(value):
            raise UserError(f'its {name!r} is a {type(value).__name__}, '
                            'weights must be tensors')
        kind = _why_odd(value)
        if kind:
            raise UserError(f'its {name!r} is a {kind} tensor, weights must '
                            'be dense ones of plain numbers')
    modules = {
        name[:dot.start()]
        for name in weights
        for dot in DOT.finditer(name)
    }
    for name in modules & weights.keys():
        raise UserError(f'its {name!r} is a weight and has weights inside, no '
                        'model has both')
    _check_versions(versions_of(weights))


def _check_name(name: Any, value: Any) -> None:
    if not isinstance(name, str):
        raise UserError(f'its {shown(name)} is a {type(value).__name__}, '
                        'names of weights must be strings')
    if not name.isprintable():
        raise UserError(f'its {shown(name)} is no name of a weight: it has '
                        'characters that cannot be printed')
    depth = name.count('.')
    if len(name) > MAX_NAME or depth > MAX_DEPTH:
        raise UserError(
            f'its {shown(name)} is a name of {len(name)} characters and '
            f'{depth} dots, it may have {MAX_NAME} and {MAX_DEPTH}')


def _why_odd(value: Tensor) -> Optional[str]:
    """Return the kind of a tensor that has no plain numbers of its own."""
    if value.is_quantized:
        return 'quantized'
    if value.is_nested:
        return 'nested'
    if not PLAIN.fullmatch(str(value.dtype)):
        return str(value.dtype).rpartition('.')[2]
    if value.is_meta:
        return 'meta'
    if value.layout is not torch.strided:
        return str(value.layout).rpartition('.')[2]
    held = value.untyped_storage().nbytes() // value.element_size()
    # a file of a few bytes would become gigabytes
    if value.numel() > max(held, MAX_REPEATED):
        return f'repeated {tuple(value.shape)}'
    return None


def _check_versions(metadata: Any) -> None:
    """Refuse versions of modules that ``load_state_dict`` cannot compare."""
    if metadata is None:
        return
    known = isinstance(metadata, Mapping) and all(
        isinstance(own, Mapping)
        and isinstance(own.get('version'), (int, type(None)))
        for own in metadata.values())
    if not known:
        raise UserError('the `_metadata` of its state_dict must have a dict '
                        'with a `version` for each module')
