"""Check that a training can go on from a checkpoint."""
from collections.abc import Mapping
from typing import Any, Callable, Dict, Optional

from mmengine.logging import HistoryBuffer, MessageHub

from ..errors import UserError, shown
from ..layers.geometry import is_whole
from ..random_state import SEEDS, WORKERS
from .resume_optimizer import check_optimizer_state
from .resume_schedule import check_moment, check_schedulers

NEEDED = ('meta', 'message_hub', 'optimizer')


def check_resumable(path: str,
                    checkpoint: Mapping,
                    trusted: bool = False) -> None:
    """Refuse a checkpoint from which no training can go on.

    Args:
        path: The file's path, for the message.
        checkpoint: The checkpoint, as ``read_checkpoint`` returns it.
        trusted: True if the file may run code. Defaults to False.

    Raises:
        UserError: The checkpoint holds weights alone, a part that mmengine
            did not write, or a program.
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
                f'(={shown(checkpoint[key])}) is damaged, no training writes '
                'such a value; start from the weights with `--cfg-options '
                f'load_from={path}`')
    if 'ema_state_dict' in checkpoint:
        _check_average(path, checkpoint)
    if 'config' in checkpoint['meta'] and not trusted:
        raise UserError(
            f'cannot resume from {path!r}: its meta holds a `config`, which '
            'mmengine runs as Python: if you trust its source, pass '
            '--trust-checkpoint')


def check_fits(path: str,
               checkpoint: Mapping,
               cfg: Mapping,
               optim_wrapper: Optional[Any] = None) -> None:
    """Refuse a checkpoint of another training than that of a config.

    Args:
        path: The file's path, for the message.
        checkpoint: The checkpoint, after :func:`check_resumable`.
        cfg: The whole config.
        optim_wrapper: The optimizer wrapper that the config builds for the
            checkpoint's model. Defaults to None: the optimizer is not
            checked.

    Raises:
        UserError: The checkpoint's moment, schedulers or optimizer do not fit
            this training.
    """
    key = 'meta'
    try:
        check_moment(checkpoint['meta'], cfg.get('train_cfg') or {})
        key = 'param_schedulers'
        check_schedulers(checkpoint, cfg.get('param_scheduler'))
        key = 'optimizer'
        if optim_wrapper is not None:
            check_optimizer_state(checkpoint['optimizer'], optim_wrapper)
    except UserError as error:
        raise UserError(
            f'cannot resume from {path!r}: its {key!r} does not fit the '
            f'config, {error}; start from the weights with `--cfg-options '
            f'load_from={path}`') from error


def _holds(is_right: Callable[[Any], bool], part: Any) -> bool:
    try:
        return bool(is_right(part))
    except Exception:  # a damaged part can raise anything
        return False


def _meta(part: dict) -> bool:
    seed = part.get('seed')
    return (isinstance(part, dict) and _count(part['epoch'])
            and _count(part['iter'])
            and (seed is None or _count(seed) and seed < SEEDS - WORKERS))


def _count(value: Any) -> bool:
    return is_whole(value) and value >= 0


def _message_hub(part: Any) -> bool:
    if isinstance(part, MessageHub):  # a trusted file may have one
        return True
    buffers = [
        value for value in part['log_scalars'].values()
        if isinstance(value, HistoryBuffer)
    ]
    return isinstance(part, dict) and all(
        len(b.data[0]) == len(b.data[1]) for b in buffers) and all(
            isinstance(part[key], dict) and all(
                isinstance(name, str) for name in part[key])
            for key in ('log_scalars', 'runtime_info', 'resumed_keys'))


def _optimizer(part: dict) -> bool:
    """Return True for the state of one optimizer, or of several by name."""
    if 'param_groups' not in part:
        return bool(part) and all(map(_one_optimizer, part.values()))
    return _one_optimizer(part)


def _one_optimizer(part: dict) -> bool:
    groups, state = part['param_groups'], part['state']
    known = [index for group in groups for index in group['params']]
    return isinstance(groups, list) and set(state) <= set(known) and all(
        isinstance(own, dict) for own in [*groups, *state.values()])


def _schedulers(part: Any) -> bool:
    """Return True for the schedulers of one optimizer, or several by name."""
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
        UserError: The average lacks a weight of the model, or has it in
            another shape.
    """
    average = checkpoint['ema_state_dict'] or {}
    for name, value in checkpoint['state_dict'].items():
        other = average.get(f'module.{name}')
        if other is None or other.shape != value.shape:
            raise UserError(
                f"cannot resume from {path!r}: its 'ema_state_dict' is of "
                f"another model, it has no 'module.{name}' of the shape "
                f'{tuple(value.shape)}')
