"""Check that the values of a config are of the right kinds.

mmengine fails only where it uses a wrong value, sometimes after the training.
"""
from typing import Any, Iterator, Tuple

from mmengine.config import Config

from ..errors import UserError, shown
from .rules import (DICT, DICTS, FLAG, HOOKS, LEVEL, NAMED_HOOKS, NAMES, NONE,
                    PATH, TEXT, TYPE, Rule, either, kind, whole)

MISSING = object()

LOADER = {
    '': either(DICT, NONE),
    '.batch_size': whole(1),
    '.num_workers': whole(0),
    '.persistent_workers': FLAG,
    '.pin_memory': FLAG,
    '.sampler': either(DICT, NONE),
    '.batch_sampler': either(DICT, NONE),
    '.dataset': DICT,
    '.dataset.type': TYPE,
    '.dataset.data_root': either(TEXT, NONE),
    '.dataset.pipeline': kind('a list', list, tuple),
}
RULES = {
    'model': either(DICT, NONE),
    'model.data_preprocessor': either(DICT, NONE),
    'model.train_cfg': either(DICT, NONE),
    'model.test_cfg': either(DICT, NONE),
    'tta_model': either(DICT, NONE),
    'data_preprocessor': either(DICT, NONE),
    'model_wrapper_cfg': either(DICT, NONE),
    **{
        f'{loader}_dataloader{key}': rule
        for loader in ('train', 'val', 'test')
        for key, rule in LOADER.items()
    },
    'val_evaluator': either(DICT, DICTS, NONE),
    'test_evaluator': either(DICT, DICTS, NONE),
    'val_cfg': either(DICT, NONE),
    'val_cfg.type': TYPE,
    'test_cfg': either(DICT, NONE),
    'test_cfg.type': TYPE,
    'train_cfg': either(DICT, NONE),
    'train_cfg.type': TYPE,
    'train_cfg.by_epoch': FLAG,
    'train_cfg.max_iters': whole(1),
    'train_cfg.max_epochs': whole(1),
    'train_cfg.val_interval': whole(1),
    'train_cfg.val_begin': whole(0),
    'optim_wrapper': either(DICT, NONE),
    'optim_wrapper.type': TYPE,
    'optim_wrapper.accumulative_counts': whole(1),
    'optim_wrapper.optimizer': either(DICT, NONE),
    'param_scheduler': either(DICT, DICTS, NONE),
    'param_scheduler.type': TYPE,
    'auto_scale_lr': either(DICT, NONE),
    'auto_scale_lr.enable': FLAG,
    'auto_scale_lr.base_batch_size': whole(1),
    'default_hooks': either(NAMED_HOOKS, NONE),
    'custom_hooks': either(HOOKS, NONE),
    'custom_imports': either(DICT, NONE),
    'custom_imports.imports': either(TEXT, NAMES, NONE),
    'custom_imports.allow_failed_imports': FLAG,
    'visualizer': either(DICT, NONE),
    'visualizer.type': TYPE,
    'visualizer.name': TEXT,
    'visualizer.save_dir': either(TEXT, NONE),
    'log_processor': either(DICT, NONE),
    'log_processor.type': TYPE,
    'log_processor.window_size': whole(1),
    'log_processor.by_epoch': FLAG,
    'log_level': LEVEL,
    'env_cfg': DICT,
    'env_cfg.mp_cfg': DICT,
    'env_cfg.dist_cfg': DICT,
    'env_cfg.cudnn_benchmark': either(FLAG, NONE),
    'find_unused_parameters': either(FLAG, NONE),
    'runner_type': TYPE,
    'compile': either(FLAG, DICT, NONE),
    'load_from': either(PATH, NONE),
    'resume': either(FLAG, NONE),
}
INITIAL = either(DICT, DICTS, NONE)


def check_values(cfg: Config) -> None:
    """Refuse values of kinds that mmengine cannot use.

    Args:
        cfg: The config, with its ``filename``.

    Raises:
        UserError: A value is of the wrong kind.
    """
    of = f'of config {cfg.filename!r}'
    for key, rule in RULES.items():
        check_value(f'`{key}`', value_at(cfg, key), rule, of)
    for key, value in _initial('model', cfg.get('model')):
        check_value(f'`{key}`', value, INITIAL, of)


def check_value(name: str, value: Any, rule: Rule, of: str) -> None:
    """Refuse a value that breaks its rule.

    Args:
        name: The name of the value, for the message.
        value: The value, ``MISSING`` if there is none.
        rule: The rule for the value.
        of: The owner of the value, such as ``of a dataset``, for the message.

    Raises:
        UserError: The value breaks the rule.
    """
    if value is not MISSING and not rule.fits(value):
        raise UserError(f'{name} (={shown(value)}) {of} must be {rule.words}')


def value_at(cfg: Config, key: str) -> Any:
    """Return the value of a key with dots, ``MISSING`` if there is none."""
    for part in key.split('.'):
        if not hasattr(cfg, 'get'):
            return MISSING
        cfg = cfg.get(part, MISSING)
    return cfg


def _initial(place: str, node: Any) -> Iterator[Tuple[str, Any]]:
    """Yield each ``init_cfg`` at any depth, with its place."""
    if isinstance(node, dict):
        if 'init_cfg' in node:
            yield f'{place}.init_cfg', node['init_cfg']
        items = node.items()
    else:
        items = enumerate(node) if isinstance(node, (list, tuple)) else ()
    for key, value in items:
        yield from _initial(f'{place}.{key}', value)
