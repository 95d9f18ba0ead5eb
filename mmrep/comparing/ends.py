"""Whether the end of a training can be tested, told before it begins."""
from typing import List

from mmengine.config import Config

from ..cli.data import check_datasets
from ..cli.hooks import hooks_of
from ..custom_imports import type_name
from ..errors import UserError

SAVING = 'CheckpointHook'


def check_end(cfg: Config) -> None:
    """Refuse a training after which nothing could be tested.

    Args:
        cfg: The config of the training.

    Raises:
        UserError: No hook saves the last checkpoint into the work dir, or the
            images of the test are not there.
    """
    if not any(map(_saves_the_last, _saving(cfg))):
        raise UserError(
            f'config {cfg.filename!r} has no {SAVING} that saves the last '
            'checkpoint into the work dir, which is what is tested: let '
            '`default_hooks.checkpoint` do so, with `save_last=True` and '
            'without `out_dir`')
    check_datasets(cfg, ('test_dataloader', ))


def _saving(cfg: Config) -> List[dict]:
    """Return the hooks that save, mmengine's own if none replaces it."""
    found = [hook for _, hook in hooks_of(cfg) if type_name(hook) == SAVING]
    if 'checkpoint' not in (cfg.get('default_hooks') or {}):
        found.append(dict(type=SAVING))
    return found


def _saves_the_last(hook: dict) -> bool:
    return hook.get('save_last', True) and not hook.get('out_dir')
