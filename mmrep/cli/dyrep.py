"""The DyRepHook of a config, and the steps of its events."""
from typing import List, Optional

from mmengine.config import Config

from ..custom_imports import type_name
from ..dyrep.schedule import Schedule
from ..hooks import DyRepHook
from ..runner.loops import fitted
from ..runner.refusals import check_one
from .errors import UserError


def hook_of(cfg: Config) -> Optional[DyRepHook]:
    """Build the DyRepHook of a config, if it has one.

    Raises:
        UserError: The config has several of them, or one has an unknown
            argument or an impossible value.
    """
    hooks = [
        *(cfg.get('custom_hooks') or ()),
        *(cfg.get('default_hooks') or {}).values()
    ]
    hooks = [
        h for h in hooks if isinstance(h, dict) and type_name(h) == 'DyRepHook'
    ]
    if not hooks:
        return None
    check_one(len(hooks))
    options = dict(hooks[0])
    for key in ('type', 'priority'):  # the Runner reads these
        options.pop(key, None)
    try:
        return DyRepHook(**options)
    except TypeError as error:
        raise UserError(f'DyRepHook of config {cfg.filename!r} cannot be '
                        f'built: {error}') from error


def due_steps(schedule: Schedule, train_cfg: dict, steps: int) -> List[int]:
    """Return the steps at which a shorter run has the training's events.

    Args:
        schedule: The schedule of the training, which stays as it is.
        train_cfg: The ``train_cfg`` of the training.
        steps: The number of steps of the shorter run.

    Returns:
        The steps, counted from 1, after which there is an event: as many
        events as in the training, each at the same part of the run.

    Raises:
        UserError: Two events would fall on one step, or the length of the
            training in iterations is not known without its data.
    """
    schedule = fitted(schedule, train_cfg)
    end = schedule.end
    if end is None:
        raise UserError('`by_epoch` (=False) of DyRepHook must be True here: '
                        'how many iterations an epoch has the data alone says')
    events = schedule.stop // schedule.interval
    least = -(-end // schedule.interval)
    if steps < least:
        raise UserError(
            f'--steps (={steps}) must be at least {least}: the {events} '
            f'events of the training, every {schedule.interval} of {end} '
            f"{'epochs' if schedule.by_epoch else 'iterations'}, would meet")
    return [
        event * schedule.interval * steps // end
        for event in range(1, events + 1)
    ]
