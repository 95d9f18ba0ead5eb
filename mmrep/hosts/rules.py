"""Rules for the values of a config."""
import logging
from typing import Any, Callable, NamedTuple

from mmengine.hooks import Hook

from ..layers.geometry import is_whole


class Rule(NamedTuple):
    """A rule in the words of a message, and as a test of a value."""

    words: str
    fits: Callable[[Any], bool]


def kind(words: str, *kinds: type) -> Rule:
    """Return a rule for values of some types."""
    return Rule(words, lambda value: isinstance(value, kinds))


def several(words: str, *kinds: type) -> Rule:
    """Return a rule for lists of values of some types."""
    return Rule(
        words, lambda values: isinstance(values, (list, tuple)) and all(
            isinstance(value, kinds) for value in values))


def either(*rules: Rule) -> Rule:
    """Return a rule for values that one of several rules allows."""
    return Rule(' or '.join(rule.words for rule in rules),
                lambda value: any(rule.fits(value) for rule in rules))


def whole(least: int) -> Rule:
    """Return a rule for whole numbers, also as floats: mmengine takes 1e5."""

    def fits(value: Any) -> bool:
        round_ = isinstance(value, float) and value.is_integer()
        return (is_whole(value) or round_) and value >= least

    return Rule(f'a whole number, at least {least}', fits)


NONE = Rule('None', lambda value: value is None)
DICT, TEXT = kind('a dict', dict), kind('a string', str)
PATH = Rule('a path', lambda v: isinstance(v, str) and v != '')
FLAG = kind('True or False', bool)
TYPE = Rule('a name or a class', lambda v: isinstance(v, str) or callable(v))
DICTS = several('a list of dicts', dict)
HOOKS = several('a list of hooks', dict, Hook)
NAMES = several('a list of names', str)
LEVEL = Rule(
    'a level of logging, such as INFO or 20',
    lambda v: is_whole(v) or isinstance(v, str) and isinstance(
        logging.getLevelName(v), int))
NAMED_HOOKS = Rule(
    'a dict of hooks', lambda v: isinstance(v, dict) and all(
        hook is None or isinstance(hook, (dict, Hook)) for hook in v.values()))
