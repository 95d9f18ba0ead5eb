"""The norms inside of blocks."""
import inspect
from typing import Any

import torch
from mmcv.cnn import build_norm_layer
from torch import nn

from ..errors import UserError, shown
from .frozen_norms import is_affine
from .geometry import is_number
from .norm_types import as_name, norm_type

FLOAT = torch.finfo(torch.float32)
PLACE = {'device', 'dtype'}  # the layer sets these
DATA = (bool, int, float, str, list, tuple, dict)  # what a file can hold


def plain_cfg(norm_cfg: dict) -> dict:
    """Return the config of a norm as data that ``json`` can write.

    Raises:
        UserError: The config describes no norm, or an impossible one.
        TypeError: Its type is no batch norm.
    """
    if not isinstance(norm_cfg, dict) or norm_cfg.get('type') is None:
        raise UserError(f'`norm_cfg` (={shown(norm_cfg)}) must be a dict with '
                        "a `type`, such as dict(type='BN')")
    kind = norm_type(norm_cfg['type'], norm_cfg)
    _check_values(norm_cfg, kind)
    _check_group(norm_cfg.get('process_group'))
    return {**norm_cfg, 'type': as_name(norm_cfg['type'])}


def batch_norm(norm_cfg: dict, channels: int) -> nn.Module:
    """Build a norm that can be folded.

    Raises:
        UserError: The config describes no norm, or an impossible one.
        TypeError: The norm has no running statistics, no affine map, or
            computes something else.
    """
    config = plain_cfg(norm_cfg)
    kind = norm_type(config['type'], config)
    norm = build_norm_layer({**config, 'type': kind}, channels)[1]
    parts = (getattr(norm, 'running_var', None), norm.weight, norm.bias)
    if any(part is None for part in parts):
        raise TypeError(
            f'`norm_cfg` (={shown(norm_cfg)}) must be a batch norm with '
            'running statistics and an affine map: other norms cannot be '
            'folded')
    own = not type(norm).forward.__module__.startswith('torch.')
    if own and is_affine(norm.eval()) is False:
        raise TypeError(
            f'`norm_cfg` (={shown(norm_cfg)}) must be a batch norm and '
            'nothing else: this one is no affine map in eval mode, as with an '
            'activation inside')
    return norm.train()


def _check_values(norm_cfg: dict, kind: type) -> None:
    """Refuse values with which no norm can be built.

    Raises:
        UserError: A value is impossible, or an argument is unknown.
    """
    parameters = inspect.signature(kind).parameters
    known = {*list(parameters)[1:], 'requires_grad', 'type'} - PLACE
    is_open = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for name, value in norm_cfg.items():
        if not isinstance(name, str) or not (is_open or name in known):
            raise UserError(
                f'`norm_cfg` has {shown(name)}, which {kind.__name__} does '
                f'not take: it may have {", ".join(sorted(known))}')
    eps, momentum = norm_cfg.get('eps', 1e-5), norm_cfg.get('momentum', 0.1)
    if not is_number(eps) or not FLOAT.tiny <= eps <= FLOAT.max:
        raise UserError(f'`eps` (={shown(eps)}) of `norm_cfg` must be a '
                        'finite number above 0')
    if momentum is not None and not (is_number(momentum)
                                     and 0 <= momentum <= 1):
        raise UserError(f'`momentum` (={shown(momentum)}) of `norm_cfg` must '
                        'be None or a number from 0 to 1')
    for name in ('requires_grad', 'affine', 'track_running_stats'):
        if type(norm_cfg.get(name, True)) is not bool:
            raise UserError(f'`{name}` (={shown(norm_cfg[name])}) of '
                            '`norm_cfg` must be True or False')


def _check_group(group: Any) -> None:
    """Refuse a group that would fail in the first forward on several GPUs.

    Raises:
        UserError: The group is plain data.
    """
    if isinstance(group, DATA):
        raise UserError(f'`process_group` (={shown(group)}) of `norm_cfg` '
                        'must be None or a group of torch.distributed')
