"""In what configs differ, and whether a comparison of them is fair."""
import re
from typing import Any, Dict, Iterator, List, NamedTuple, Sequence

from mmengine.config import Config

from ..custom_imports import BUILT
from ..errors import UserError, shown

# what is compared: backbones, blocks, hooks, and what follows from them
COMPARED = re.compile(r'model\.(backbone\b|.*\b(conv_cfg|in_channels)\b)|'
                      r'custom_hooks\b|'
                      r'optim_wrapper\.(paramwise_cfg|constructor)\b')
# initial weights and frozen parts are no part of an architecture
NOT_COMPARED = re.compile(
    r'.*\.(init_cfg(\[\d+\])?\.checkpoint|frozen_stages|norm_eval|'
    r'requires_grad)\b|'
    r'.*\.pretrained\b')
# what a training does not depend on
WITHOUT_EFFECT = re.compile(
    r'default_hooks\.(logger|checkpoint|visualization|timer)\b|visualizer\b|'
    r'log_processor\b|log_level\b|experiment_name\b|work_dir\b|cfg\b|'
    r'resume\b|launcher\b|randomness\.seed\b|default_scope\b')
# what a Runner reads from its config, beside its arguments
READ = BUILT | {
    'activation_checkpointing', 'compile', 'efficient_conv_bn_eval', 'sync_bn'
}
NONE = 'nothing'


class Difference(NamedTuple):
    """A value in which a config differs from the baseline's.

    Attributes:
        key: The place of the value, such as ``model.backbone.type``.
        value: The value of the config as text, 'nothing' if there is none.
        baseline: The value of the baseline's.
    """

    key: str
    value: str
    baseline: str

    @property
    def is_fair(self) -> bool:
        """True for what is compared, and for what has no effect."""
        if WITHOUT_EFFECT.match(self.key):
            return True
        if NOT_COMPARED.match(self.key) or self._is_of_weights:
            return False
        return bool(COMPARED.match(self.key))

    @property
    def _is_of_weights(self) -> bool:
        """True if one of both starts from a checkpoint."""
        values = f'{self.value} {self.baseline}'
        return self.key.endswith('init_cfg') and 'Pretrained' in values

    def __str__(self) -> str:
        return f'{self.key}: {self.value} (baseline: {self.baseline})'


def differences(cfg: Config, baseline: Config) -> List[Difference]:
    """Return the values in which two configs differ.

    Only what a Runner reads counts, not the variables of a file.

    Args:
        cfg: A config.
        baseline: The config that it is compared with.
    """
    ours, theirs = ({
        k: v
        for k, v in c.to_dict().items() if k in READ
    } for c in (cfg, baseline))
    return [
        Difference(key, value, other)
        for key, value, other in _walk('', ours, theirs)
    ]


def check_fair(found: Dict[str, Sequence[Difference]], baseline: str) -> None:
    """Refuse configs that differ in more than what is compared.

    Args:
        found: The differences of each config, by its path.
        baseline: The path of the baseline's config.

    Raises:
        UserError: The data, the schedule, the losses or another part differ.
    """
    for path, each in found.items():
        unfair = [d for d in each if not d.is_fair]
        if unfair:
            some = '; '.join(map(str, unfair[:5]))
            more = f' and {len(unfair) - 5} more' if len(unfair) > 5 else ''
            raise UserError(
                f'config {path!r} differs from the baseline {baseline!r} in '
                f'more than what is compared: {some}{more}; make them equal, '
                'or compare them as they are with --allow-differences')


def _walk(place: str, ours: Any, theirs: Any) -> Iterator[tuple]:
    """Yield the places at which two trees of plain data differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        yield from _walk_keys(place, ours, theirs)
    elif _are_dicts(ours, theirs) and len(ours) == len(theirs):
        for i, (mine, other) in enumerate(zip(ours, theirs)):
            yield from _walk(f'{place}[{i}]', mine, other)
    elif not _same(ours, theirs):
        yield place, shown(ours), shown(theirs)


def _walk_keys(place: str, ours: dict, theirs: dict) -> Iterator[tuple]:
    for key in [*theirs, *(k for k in ours if k not in theirs)]:
        inner = f'{place}.{key}' if place else str(key)
        if key not in ours:
            yield from _one_side(inner, theirs[key], False)
        elif key not in theirs:
            yield from _one_side(inner, ours[key], True)
        else:
            yield from _walk(inner, ours[key], theirs[key])


def _one_side(place: str, value: Any, is_ours: bool) -> Iterator[tuple]:
    """Yield what only one of both has; a missing value and None are alike."""
    if isinstance(value, dict) and value and 'type' not in value:
        for key, inner in value.items():
            yield from _one_side(f'{place}.{key}', inner, is_ours)
    elif value is not None:
        text = shown(value)
        yield (place, text, NONE) if is_ours else (place, NONE, text)


def _are_dicts(*values: Any) -> bool:
    """Return True for lists of dicts, which are compared one by one."""
    return all(
        isinstance(value, (list, tuple)) and value and all(
            isinstance(item, dict) for item in value) for value in values)


def _same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)):
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    return type(ours) is type(theirs) and ours == theirs
