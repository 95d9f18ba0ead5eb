"""What a checkpoint must hold for a training to go on from it."""
from collections.abc import Mapping
from numbers import Integral
from typing import Any, Callable, Dict

from mmengine.logging import HistoryBuffer, MessageHub

from ..errors import UserError, shown

NEEDED = ('meta', 'message_hub', 'optimizer')


def check_resumable(path: str,
                    checkpoint: Mapping,
                    trusted: bool = False) -> None:
    """Refuse a checkpoint from which no training can go on.

    Args:
        path: Of the file, for the message.
        checkpoint: From ``read_checkpoint``.
        trusted: Whether the file may run code. Defaults to False.

    Raises:
        UserError: It holds weights alone, a part of it is none that mmengine
            wrote, or it holds a program.
    """
    for key in NEEDED:
        if key not in checkpoint:
            raise UserError(
                f'cannot resume from {path!r}: it holds no {key!r}, only '
                'weights; start from them with '
                f'`--cfg-options load_from={path}`')
    for key, is_right in PARTS.items():
        if key in checkpoint and not _holds(is_right, checkpoint[key]):
            raise UserError(
                f'cannot resume from {path!r}: its {key!r} '
                f'(={shown(checkpoint[key])}) is damaged, it is none that a '
                'training has written; start from the weights with '
                f'`--cfg-options load_from={path}`')
    if 'ema_state_dict' in checkpoint:
        _check_average(path, checkpoint)
    if 'config' in checkpoint['meta'] and not trusted:
        raise UserError(
            f'cannot resume from {path!r}: its meta holds a `config`, which '
            'mmengine runs as Python: if you trust its source, pass '
            '--trust-checkpoint')


def _holds(is_right: Callable[[Any], bool], part: Any) -> bool:
    try:
        return bool(is_right(part))
    except Exception:  # whatever a damaged part makes of it
        return False


def _meta(part: dict) -> bool:
    seed = part.get('seed')
    return (isinstance(part, dict) and _count(part['epoch'])
            and _count(part['iter']) and (seed is None or _count(seed)))


def _count(value: Any) -> bool:
    return isinstance(value,
                      Integral) and not isinstance(value, bool) and value >= 0


def _message_hub(part: Any) -> bool:
    if isinstance(part, MessageHub):  # of a file that is trusted
        return True
    buffers = [
        value for value in part['log_scalars'].values()
        if isinstance(value, HistoryBuffer)
    ]
    return isinstance(part, dict) and all(
        len(b.data[0]) == len(b.data[1]) for b in buffers) and all(
            isinstance(part[key], dict)
            for key in ('log_scalars', 'runtime_info', 'resumed_keys'))


def _optimizer(part: dict) -> bool:
    """One optimizer, or several by name."""
    if 'param_groups' not in part:
        return bool(part) and all(map(_one_optimizer, part.values()))
    return _one_optimizer(part)


def _one_optimizer(part: dict) -> bool:
    groups, state = part['param_groups'], part['state']
    known = [index for group in groups for index in group['params']]
    return isinstance(groups, list) and set(state) <= set(known) and all(
        isinstance(own, dict) for own in [*groups, *state.values()])


def _schedulers(part: Any) -> bool:
    """Those of one optimizer, or of several by name."""
    several = part.values() if isinstance(part, dict) else [part]
    return all(
        isinstance(each, list) and all(
            type(scheduler['last_step']) is int for scheduler in each)
        for each in several)


PARTS: Dict[str, Callable[[Any], bool]] = dict(
    meta=_meta,
    message_hub=_message_hub,
    optimizer=_optimizer,
    param_schedulers=_schedulers)


def _check_average(path: str, checkpoint: Mapping) -> None:
    """Refuse an average of another model.

    Raises:
        UserError: A weight of the model has none in it of its shape.
    """
    average = checkpoint['ema_state_dict'] or {}
    for name, value in checkpoint['state_dict'].items():
        other = average.get(f'module.{name}')
        if other is None or other.shape != value.shape:
            raise UserError(
                f"cannot resume from {path!r}: its 'ema_state_dict' is of "
                f"another model, it has no 'module.{name}' of the shape "
                f'{tuple(value.shape)}')
