"""Check that a file was written during the training of a config."""
import logging
from collections.abc import Mapping
from typing import Any, List

from mmengine.logging import print_log

from ..errors import UserError, shown

UNITS = dict(epoch='max_epochs', iter='max_iters')


def check_moment(meta: Mapping, train_cfg: Mapping) -> None:
    """Refuse a moment after the end of the training.

    Args:
        meta: The file's meta, with ``epoch`` and ``iter``.
        train_cfg: The config's ``train_cfg``.

    Raises:
        UserError: The moment is beyond ``max_epochs`` or ``max_iters``.
    """
    for unit, name in UNITS.items():
        end = train_cfg.get(name)
        if type(end) is int and meta[unit] > end:
            raise UserError(f'its {unit} (={shown(meta[unit])}) is after the '
                            f'end of the training, `train_cfg.{name}` '
                            f'(={end})')


def check_schedulers(checkpoint: Mapping, config: Any) -> None:
    """Refuse the schedulers of another training.

    Args:
        checkpoint: The file's checkpoint, with its schedulers.
        config: The ``param_scheduler`` of the config: one, several, a dict of
            these by the names of optimizers, or None.

    Raises:
        UserError: The file has another number of schedulers, or they are at
            another moment.
    """
    if 'param_schedulers' not in checkpoint:
        if config:
            print_log(
                'the checkpoint has no `param_schedulers`: the schedules of '
                'the config start anew', 'current', logging.WARNING)
        return
    found = checkpoint['param_schedulers']
    several = found if isinstance(found, dict) else {None: found}
    for name, states in several.items():
        wanted = _configs(config, name)
        if len(states) != len(wanted):
            raise UserError(f'it has {len(states)} schedulers, '
                            '`param_scheduler` of the config has '
                            f'{len(wanted)}')
        for state, own in zip(states, wanted):
            _check_step(state, own, checkpoint['meta'])


def _configs(config: Any, name: Any) -> List[Any]:
    """Return the configs for one optimizer, as mmengine finds them."""
    if isinstance(config, Mapping) and 'type' not in config:
        config = config.get(name)
    if config is None:
        return []
    return list(config) if isinstance(config, (list, tuple)) else [config]


def _check_step(state: Mapping, config: Any, meta: Mapping) -> None:
    """Check the step of a scheduler, -1 if it has not begun yet."""
    start = config.get('last_step', -1) if isinstance(config, Mapping) else -1
    last = max(meta['epoch'], meta['iter']) + 1 + max(start + 1, 0)
    if not -1 <= state['last_step'] <= last:
        raise UserError(f'the `last_step` (={shown(state["last_step"])}) of a '
                        f'scheduler must be from -1 to {last}, by the epoch '
                        f'(={meta["epoch"]}) and iter (={meta["iter"]}) of '
                        'its meta')
