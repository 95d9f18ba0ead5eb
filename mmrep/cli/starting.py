"""Check the checkpoint from which a training starts or goes on."""
from typing import Optional

from mmengine.config import Config
from mmengine.runner import find_latest_checkpoint
from torch import nn

from ..checkpoints.pretrained import check_load_from, check_pretrained
from ..checkpoints.resume import check_fits, check_resumable
from ..checkpoints.safe_load import read_checkpoint
from ..runner.state import check_state
from ..structures.matching import check_checkpoint_matches
from .dyrep import hook_of
from .errors import UserError
from .optimizer import build_optimizer
from .resuming import latest_checkpoint


def check_start(cfg: Config, model: nn.Module, trusted: bool = False) -> None:
    """Refuse to start from a checkpoint that does not fit the config.

    Args:
        cfg: The config of the training. Its ``load_from`` is set if the
            latest checkpoint is to be resumed and mmengine would not find it.
        model: The model of the config; it loads the weights to resume from.
        trusted: True if pickled objects may run their code. Defaults to
            False.

    Raises:
        UserError: The checkpoint cannot be read, or does not fit the model or
            the rest of the config.
    """
    check_pretrained(model, trusted)  # a Runner loads it, even to resume
    if cfg.get('resume'):
        path = _to_resume(cfg, trusted)
        if path is not None:
            _check_resume(cfg, model, path, trusted)
    elif cfg.get('load_from'):
        # such a file may hold only a part of the weights
        check_load_from(model, cfg.load_from, trusted)


def _to_resume(cfg: Config, trusted: bool) -> Optional[str]:
    if cfg.get('load_from'):
        return cfg.load_from
    path = latest_checkpoint(cfg.work_dir, trusted)
    if path is not None and path != find_latest_checkpoint(cfg.work_dir):
        cfg.load_from = path  # the run started in another folder
    return path


def _check_resume(cfg: Config, model: nn.Module, path: str,
                  trusted: bool) -> None:
    checkpoint, hook = read_checkpoint(path, trusted), hook_of(cfg)
    changed = check_checkpoint_matches(model, checkpoint['state_dict'])
    if changed and hook is None:
        raise UserError(
            f'cannot resume from {path!r}: its layers have other branches '
            "than the config's; build the backbone with type='Restructured' "
            'and this checkpoint as its `structure`')
    check_resumable(path, checkpoint, trusted)
    check_fits(path, checkpoint, cfg, build_optimizer(cfg, model))
    if hook is not None and checkpoint.get('dyrep') is not None:
        check_state(checkpoint['dyrep'])
