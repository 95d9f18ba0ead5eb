"""Find the checkpoint from which a killed run can go on."""
import glob
import logging
import os.path as osp
import re
from typing import Optional

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import find_latest_checkpoint

from ..checkpoints.safe_load import read_checkpoint
from ..custom_imports import type_name
from .errors import UserError, one_line
from .hooks import hooks_of

SAVED = re.compile(r'(?:iter|epoch)_(\d+)\.pth$')
RISKS = dict(
    max_keep_ckpts=(1, 'deletes the old checkpoint before it has saved the '
                    'new one, so that a run that is killed meanwhile has '
                    'nothing to resume from', 'at least 2'),
    save_optimizer=(False, 'leaves out what a run is resumed with, so that '
                    'a killed one is lost', 'True'),
    save_param_scheduler=(False, 'leaves out the schedules, which a resumed '
                          'run would start anew', 'True'))


def warn_of_losses(cfg: Config) -> None:
    """Warn of settings that would lose the work of a killed run.

    Args:
        cfg: The config of the run.
    """
    for place, hook in hooks_of(cfg):
        if type_name(hook) != 'CheckpointHook':
            continue
        for key, (value, consequence, better) in RISKS.items():
            if hook.get(key) == value:
                print_log(
                    f'`{place}.{key}` (={value}) {consequence}: set it to '
                    f'{better}', 'current', logging.WARNING)


def latest_checkpoint(work_dir: str, trusted: bool = False) -> Optional[str]:
    """Find the checkpoint that ``--resume`` without a path takes.

    mmengine writes ``last_checkpoint`` after the checkpoint that it names.

    Args:
        work_dir: The work dir of the killed run.
        trusted: True if pickled objects may run their code. Defaults to
            False.

    Returns:
        The path of the checkpoint, None if no run has saved one.

    Raises:
        UserError: The checkpoint cannot be read; the message names the newest
            one that can.
    """
    path = find_latest_checkpoint(work_dir)
    named = f"the `last_checkpoint` of {work_dir!r}"
    if path is None:
        why = f'{work_dir!r} has checkpoints, but no `last_checkpoint`'
    elif not path:
        why = f'{named} is empty'
    else:
        # the path may be relative to the folder the run started in
        here = osp.join(work_dir, osp.basename(path))
        path = path if osp.exists(path) or not osp.exists(here) else here
        try:
            read_checkpoint(path, trusted)
            return path
        except UserError as error:
            if '--trust-checkpoint' in str(error):
                raise
            why = f'{named} cannot be resumed from: {one_line(error)}'
    other = newest_checkpoint(work_dir, path, trusted)
    if other is not None:
        raise UserError(f'{why}; resume from the newest that is whole, with '
                        f'`--resume {other}`')
    if path is None:
        return None
    raise UserError(f'{why}; there is no other: start anew, without --resume')


def newest_checkpoint(work_dir: str,
                      but: Optional[str] = None,
                      trusted: bool = False) -> Optional[str]:
    """Find the newest checkpoint that is whole and can be resumed from.

    Args:
        work_dir: The work dir of the killed run.
        but: The path of a checkpoint to leave out. Defaults to None.
        trusted: True if pickled objects may run their code. Defaults to
            False.

    Returns:
        The path of the checkpoint, None if there is none.
    """
    found = [
        path for path in glob.glob(osp.join(glob.escape(work_dir), '*.pth'))
        if SAVED.match(osp.basename(path)) and path != but
    ]
    for path in sorted(found, key=_step, reverse=True):
        try:
            checkpoint = read_checkpoint(path, trusted)
        except UserError:
            continue
        if 'optimizer' in checkpoint:
            return path
    return None


def _step(path: str) -> int:
    return int(SAVED.match(osp.basename(path)).group(1))
