"""Check the hooks of a config before a run begins."""
from typing import Any, Iterator, Tuple

from mmengine.config import Config
from mmengine.runner import Priority, get_priority

from ..custom_imports import type_name
from ..errors import shown
from ..hosts.rules import FLAG, NAMES, NONE, TEXT, Rule, either, whole
from ..hosts.values import MISSING, check_value
from ..layers.geometry import is_whole
from .errors import UserError
from .outputs import check_folder

WHOLE = Rule('a whole number', is_whole)
OPTIONS = dict(
    CheckpointHook=dict(
        interval=WHOLE,
        max_keep_ckpts=WHOLE,
        save_begin=WHOLE,
        by_epoch=FLAG,
        save_optimizer=FLAG,
        save_param_scheduler=FLAG,
        save_last=FLAG,
        save_best=either(TEXT, NAMES, NONE),
        out_dir=either(TEXT, NONE),
        filename_tmpl=either(TEXT, NONE)),
    LoggerHook=dict(interval=whole(1), log_metric_by_epoch=FLAG))


def hooks_of(cfg: Config) -> Iterator[Tuple[str, dict]]:
    """Yield the hooks of a config and their places in it.

    Args:
        cfg: The config of a run.

    Yields:
        The place, such as ``custom_hooks.0``, and the hook's own config.
    """
    for name, hook in (cfg.get('default_hooks') or {}).items():
        kinds = dict(type='CheckpointHook') if name == 'checkpoint' else {}
        if isinstance(hook, dict):
            yield f'default_hooks.{name}', {**kinds, **hook}
    for i, hook in enumerate(cfg.get('custom_hooks') or ()):
        if isinstance(hook, dict):
            yield f'custom_hooks.{i}', hook


def check_hooks(cfg: Config) -> None:
    """Refuse hooks that would fail only after some training.

    Args:
        cfg: The config of a run.

    Raises:
        UserError: A priority is unknown, or an option of the hooks that save
            and log is of the wrong kind.
    """
    of = f'of config {cfg.filename!r}'
    for place, hook in hooks_of(cfg):
        _check_priority(place, hook.get('priority'), of)
        for name, rule in OPTIONS.get(type_name(hook), {}).items():
            check_value(f'`{place}.{name}`', hook.get(name, MISSING), rule, of)
        if type_name(hook) == 'CheckpointHook':
            _check_saving(place, hook, of)


def _check_priority(place: str, priority: Any, of: str) -> None:
    if priority is None:
        return
    try:
        get_priority(priority)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f'`{place}.priority` (={shown(priority)}) {of} must be a whole '
            f"number from 0 to 100 or one of "
            f"{', '.join(p.name for p in Priority)}") from error


def _check_saving(place: str, hook: dict, of: str) -> None:
    """Refuse impossible names and folders of checkpoints."""
    template, folder = hook.get('filename_tmpl'), hook.get('out_dir')
    try:
        (template or '').format(1)
    except (LookupError, ValueError, AttributeError) as error:
        raise UserError(
            f'`{place}.filename_tmpl` (={shown(template)}) {of} must have one '
            "place for a number, such as 'iter_{}.pth'") from error
    if folder is not None and '://' not in folder:
        check_folder(folder, f'`{place}.out_dir`')
