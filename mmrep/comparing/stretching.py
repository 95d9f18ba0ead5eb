"""Trainings that are longer, with their schedules stretched alike."""
import copy
import math
from typing import Any

from mmengine.config import Config

from ..errors import UserError

# moments of a schedule, in its own unit: iterations or epochs
MOMENTS = ('begin', 'end', 'T_max', 'step_size', 'total_steps', 'period')
LISTS = ('milestones', 'periods', 'restart_periods')
DECAYING = 'Exponential'  # the schedules whose gamma acts at each step
EPOCHS, ITERATIONS = 'max_epochs', 'max_iters'
NEVER = 10**9  # mmengine's end of schedules that do not end


def length_key(cfg: Config) -> str:
    """Return the key of ``train_cfg`` that has the length of a training.

    Args:
        cfg: The config of the training.

    Raises:
        UserError: ``train_cfg`` has no length.
    """
    for key in (ITERATIONS, EPOCHS):
        if cfg.train_cfg.get(key):
            return key
    raise UserError(f'`train_cfg` of config {cfg.filename!r} has neither '
                    f'{ITERATIONS} nor {EPOCHS}: its training has no length '
                    'that --equal-time could change')


def stretched(cfg: Config, factor: float) -> Config:
    """Return the config of a training that is longer by a factor.

    All moments of ``param_scheduler`` move with it. Hooks, validations and
    checkpoints keep theirs.

    Args:
        cfg: The config, which stays as it is.
        factor: The factor, above 0; whole epochs or iterations are rounded.

    Raises:
        UserError: ``train_cfg`` has no length.
    """
    cfg = copy.deepcopy(cfg)
    key = length_key(cfg)
    before = cfg.train_cfg[key]
    after = max(1, round(before * factor))
    cfg.train_cfg[key] = after
    cfg.param_scheduler = _moved(cfg.get('param_scheduler'), after / before)
    return cfg


def _moved(node: Any, factor: float) -> Any:
    """Return schedules with their moments moved, at any depth."""
    if isinstance(node, (list, tuple)):
        return [_moved(item, factor) for item in node]
    if not isinstance(node, dict):
        return node
    known = MOMENTS + LISTS
    moved = {}
    for key, value in node.items():
        move = _moment if key in known else _moved
        moved[key] = move(value, factor)
    if str(node.get('type')).startswith(DECAYING) and 'gamma' in node:
        moved['gamma'] = node['gamma']**(1 / factor)  # it acts at each step
    return moved


def _moment(value: Any, factor: float) -> Any:
    if isinstance(value, (list, tuple)):
        return [_moment(item, factor) for item in value]
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return value
    if not math.isfinite(value) or value >= NEVER:
        return value
    return round(value * factor)
