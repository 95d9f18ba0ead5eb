"""The data and the evaluator of a config, outside of a Runner."""
import copy
import io
from contextlib import redirect_stdout
from functools import partial
from typing import Callable, Sequence

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from rich.console import Console
from rich.progress import track
from torch.utils.data import DataLoader

from ..errors import UserError, brief
from .data import check_datasets
from .launch import set_loader_defaults

SCOPES = ('mmdet', 'mmseg', 'mmpretrain')


def check_evaluable(cfg: Config, names: Sequence[str]) -> None:
    """Refuse a config of another host, or without data or an evaluator.

    Args:
        cfg: The config.
        names: The names of the dataloaders and evaluators that it must have.

    Raises:
        UserError: The config is of another host, or lacks a part, or data are
            missing.
    """
    if cfg.default_scope not in SCOPES:
        raise UserError(
            f'`default_scope` (={cfg.default_scope!r}) of config '
            f'{cfg.filename!r} must be one of {", ".join(SCOPES)}, whose nets '
            'can be exported whole')
    for name in names:
        if not cfg.get(name):
            raise UserError(f'config {cfg.filename!r} has no `{name}`')
    check_datasets(cfg, [name for name in names if 'dataloader' in name])


def loader_of(cfg: Config, name: str) -> DataLoader:
    """Build a dataloader of a config, without workers.

    Args:
        cfg: The config.
        name: The name of the dataloader.

    Raises:
        UserError: The dataloader cannot be built.
    """
    init_default_scope(cfg.default_scope)
    set_loader_defaults(cfg)
    loader = dict(cfg[name], num_workers=0, persistent_workers=False)
    try:
        with redirect_stdout(io.StringIO()):  # of pycocotools
            return Runner.build_dataloader(copy.deepcopy(loader))
    except Exception as error:  # whatever a dataset raises
        raise UserError(f'cannot build `{name}` of config {cfg.filename!r}: '
                        f'{brief(error)}') from error


def progress(console: Console, what: str) -> Callable:
    """Return a function that iterates over items and shows the progress.

    Args:
        console: The console to show it on.
        what: The name of the work.
    """
    return partial(
        track,
        description=what,
        console=console,
        transient=True,
        disable=not console.is_terminal)
