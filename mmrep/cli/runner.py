"""Build a Runner, or say in one sentence what cannot be built."""
import functools
from argparse import Namespace
from typing import Any, Callable

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from ..compat.runner_parts import INIT_WEIGHTS
from .errors import UserError, one_line
from .launch import prepare_launcher

# methods that build parts when a Runner begins to train or to test
PARTS = {
    'build_train_loop': '`train_cfg` or `train_dataloader`',
    'build_val_loop': '`val_cfg`, `val_dataloader` or `val_evaluator`',
    'build_test_loop': '`test_cfg`, `test_dataloader` or `test_evaluator`',
    'build_optim_wrapper': '`optim_wrapper`',
    'build_param_scheduler': '`param_scheduler`',
    'scale_lr': '`auto_scale_lr`',
    INIT_WEIGHTS: '`init_cfg`',
}

# keys of which a Runner needs all or none
TOGETHER = (('train_dataloader', 'train_cfg',
             'optim_wrapper'), ('val_dataloader', 'val_cfg', 'val_evaluator'),
            ('test_dataloader', 'test_cfg', 'test_evaluator'))


def check_complete(cfg: Config) -> None:
    """Refuse a config that no Runner can be built from.

    Args:
        cfg: The config of a run.

    Raises:
        UserError: The config has some keys of ``TOGETHER``, but not all.
    """
    for names in TOGETHER:
        missing = [name for name in names if cfg.get(name) is None]
        if missing and len(missing) < len(names):
            raise UserError(
                f'config {cfg.filename!r} has no `{missing[0]}`: a Runner '
                f"needs {', '.join(names)}, or none of them")


def launch_runner(cfg: Config, args: Namespace, *hooks: Hook) -> Runner:
    """Build the Runner of a checked config for the launcher of the flags.

    Args:
        cfg: The config, checked by :mod:`.preflight`.
        args: The arguments, with ``launcher`` and ``local_rank``.
        hooks: The hooks of mmrep to register in addition.

    Returns:
        The Runner, see :func:`build_runner`.

    Raises:
        UserError: The launcher does not fit, or the Runner cannot be built.
    """
    prepare_launcher(cfg, args.launcher, args.local_rank)
    runner = build_runner(cfg)
    for hook in hooks:
        runner.register_hook(hook)
    return runner


def build_runner(cfg: Config) -> Runner:
    """Build the Runner, or the type that the config's ``runner_type`` names.

    This makes the work dir and its logs, so check everything else before.

    Args:
        cfg: The config from :func:`prepare_config`.

    Returns:
        The Runner. It raises a ``UserError``, too, if it cannot build a part
        when it is run.

    Raises:
        UserError: The Runner or a part of it cannot be built.
    """
    build = RUNNERS.build if 'runner_type' in cfg else Runner.from_cfg
    runner = _telling(cfg, build, 'the Runner')(cfg)
    for name, what in PARTS.items():
        method = getattr(runner, name, None)
        if method is not None:
            setattr(runner, name, _telling(cfg, method, what))
    return runner


def _telling(cfg: Config, build: Callable, what: str) -> Callable:
    """Wrap a function that builds, so that its errors are one sentence."""

    @functools.wraps(build)
    def telling(*args, **kwargs) -> Any:
        try:
            return build(*args, **kwargs)
        except UserError:
            raise
        except Exception as error:
            raise UserError(
                f'cannot build {what} of config {cfg.filename!r}: '
                f'{type(error).__name__}: {one_line(error)}') from error

    return telling
