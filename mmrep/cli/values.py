"""What kind of value each part of a config must have.

mmengine stumbles over others where it uses them: some when it has trained.
"""
import logging
from typing import Any, Callable, NamedTuple

from mmengine.hooks import Hook

from ..errors import shown
from ..layers.geometry import is_whole
from .errors import UserError

MISSING = object()


class Rule(NamedTuple):
    """In the words of a message, and as a test."""

    words: str
    fits: Callable[[Any], bool]


def kind(words, *kinds):
    """A rule for values of some types."""
    return Rule(words, lambda value: isinstance(value, kinds))


def several(words, *kinds):
    """A rule for lists of values of some types."""
    return Rule(
        words, lambda values: isinstance(values, (list, tuple)) and all(
            isinstance(value, kinds) for value in values))


def either(*rules):
    """A rule for what one of several rules allows."""
    return Rule(' or '.join(rule.words for rule in rules),
                lambda value: any(rule.fits(value) for rule in rules))


def whole(least):
    """A rule for whole numbers, as floats too: mmengine takes 1e5."""

    def fits(value):
        round_ = isinstance(value, float) and value.is_integer()
        return (is_whole(value) or round_) and value >= least

    return Rule(f'a whole number, at least {least}', fits)


NONE = Rule('None', lambda value: value is None)
DICT, TEXT = kind('a dict', dict), kind('a string', str)
FLAG = kind('True or False', bool)
TYPE = Rule('a name or a class', lambda v: isinstance(v, str) or callable(v))
DICTS = several('a list of dicts', dict)
HOOKS = several('a list of hooks', dict, Hook)
NAMES = several('a list of names', str)
LEVEL = Rule(
    'a level of logging, such as INFO or 20',
    lambda v: is_whole(v) or isinstance(v, str) and v in logging._nameToLevel)
NAMED_HOOKS = Rule(
    'a dict of hooks', lambda v: isinstance(v, dict) and all(
        hook is None or isinstance(hook, (dict, Hook)) for hook in v.values()))

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
    'test_cfg': either(DICT, NONE),
    'train_cfg': either(DICT, NONE),
    'train_cfg.type': TYPE,
    'train_cfg.by_epoch': FLAG,
    'train_cfg.max_iters': whole(1),
    'train_cfg.max_epochs': whole(1),
    'train_cfg.val_interval': whole(1),
    'train_cfg.val_begin': whole(0),
    'optim_wrapper': either(DICT, NONE),
    'optim_wrapper.type': TYPE,
    'optim_wrapper.optimizer': either(DICT, NONE),
    'param_scheduler': either(DICT, DICTS, NONE),
    'auto_scale_lr': either(DICT, NONE),
    'auto_scale_lr.enable': FLAG,
    'auto_scale_lr.base_batch_size': whole(1),
    'default_hooks': either(NAMED_HOOKS, NONE),
    'custom_hooks': either(HOOKS, NONE),
    'custom_imports': either(DICT, NONE),
    'custom_imports.imports': either(TEXT, NAMES, NONE),
    'custom_imports.allow_failed_imports': FLAG,
    'visualizer': either(DICT, NONE),
    'visualizer.name': TEXT,
    'visualizer.save_dir': either(TEXT, NONE),
    'log_processor': either(DICT, NONE),
    'log_processor.window_size': whole(1),
    'log_processor.by_epoch': FLAG,
    'log_level': LEVEL,
    'env_cfg': DICT,
    'env_cfg.mp_cfg': DICT,
    'env_cfg.dist_cfg': DICT,
    'runner_type': TYPE,
    'compile': either(FLAG, DICT, NONE),
    'load_from': either(TEXT, NONE),
    'resume': either(FLAG, NONE),
}
INITIAL = either(DICT, DICTS, NONE)


def check_values(cfg):
    """Refuse values of kinds that mmengine could make nothing of.

    Args:
        cfg (Config): With its ``filename``.

    Raises:
        UserError: There is one; says where and what it must be.
    """
    of = f'of config {cfg.filename!r}'
    for key, rule in RULES.items():
        check_value(f'`{key}`', value_at(cfg, key), rule, of)
    for key, value in _initial('model', cfg.get('model')):
        check_value(f'`{key}`', value, INITIAL, of)


def check_value(name, value, rule, of):
    """Refuse one value, if it is there.

    Args:
        name (str): For the message.
        value (Any): ``MISSING`` where there is none.
        rule (Rule): That it must follow.
        of (str): Where it is, for the message.

    Raises:
        UserError: It does not.
    """
    if value is not MISSING and not rule.fits(value):
        raise UserError(f'{name} (={shown(value)}) {of} must be {rule.words}')


def value_at(cfg, key):
    """The value of a key with dots, ``MISSING`` where there is none."""
    for part in key.split('.'):
        if not hasattr(cfg, 'get'):
            return MISSING
        cfg = cfg.get(part, MISSING)
    return cfg


def _initial(place, node):
    """Yield what says how modules are initialised, at any depth."""
    if isinstance(node, dict):
        if 'init_cfg' in node:
            yield f'{place}.init_cfg', node['init_cfg']
        items = node.items()
    else:
        items = enumerate(node) if isinstance(node, (list, tuple)) else ()
    for key, value in items:
        yield from _initial(f'{place}.{key}', value)
