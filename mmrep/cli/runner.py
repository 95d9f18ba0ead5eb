"""Building a Runner; what cannot be built is told in one sentence."""
import functools

from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from ..compat.runner_parts import INIT_WEIGHTS
from .errors import UserError, one_line
from .launch import prepare_launcher

# what a Runner builds when it begins to train or to test
PARTS = {
    'build_train_loop': '`train_cfg` or `train_dataloader`',
    'build_val_loop': '`val_cfg`, `val_dataloader` or `val_evaluator`',
    'build_test_loop': '`test_cfg`, `test_dataloader` or `test_evaluator`',
    'build_optim_wrapper': '`optim_wrapper`',
    'build_param_scheduler': '`param_scheduler`',
    'scale_lr': '`auto_scale_lr`',
    INIT_WEIGHTS: '`init_cfg`',
}

# what it needs all of, or none
TOGETHER = (('train_dataloader', 'train_cfg',
             'optim_wrapper'), ('val_dataloader', 'val_cfg', 'val_evaluator'),
            ('test_dataloader', 'test_cfg', 'test_evaluator'))


def check_complete(cfg):
    """Refuse a config of which no Runner could be built.

    Args:
        cfg (Config): Of a run.

    Raises:
        UserError: Of what belongs together a part is not there.
    """
    for names in TOGETHER:
        missing = [name for name in names if cfg.get(name) is None]
        if missing and len(missing) < len(names):
            raise UserError(
                f'config {cfg.filename!r} has no `{missing[0]}`: a Runner '
                f"needs {', '.join(names)}, or none of them")


def launch_runner(cfg, args, *hooks):
    """Build the Runner of a checked config for the launcher of the flags.

    Args:
        cfg (Config): That :mod:`.preflight` has passed.
        args (Namespace): With ``launcher`` and ``local_rank``.
        hooks (Hook): Of mmrep, which the Runner gets, too.

    Returns:
        Runner: See :func:`build_runner`.

    Raises:
        UserError: The launcher or the Runner cannot be.
    """
    prepare_launcher(cfg, args.launcher, args.local_rank)
    runner = build_runner(cfg)
    for hook in hooks:
        runner.register_hook(hook)
    return runner


def build_runner(cfg):
    """Build the Runner, or the type that the config's ``runner_type`` names.

    It makes the work dir and its logs, so check everything else before.

    Args:
        cfg (Config): From :func:`prepare_config`.

    Returns:
        Runner: Which tells what it cannot build when it is run, too.

    Raises:
        UserError: It, or a part of it, cannot be built.
    """
    build = RUNNERS.build if 'runner_type' in cfg else Runner.from_cfg
    runner = _telling(cfg, build, 'the Runner')(cfg)
    for name, what in PARTS.items():
        method = getattr(runner, name, None)
        if method is not None:
            setattr(runner, name, _telling(cfg, method, what))
    return runner


def _telling(cfg, build, what):
    """Let building something end in one sentence, whatever is raised."""

    @functools.wraps(build)
    def telling(*args, **kwargs):
        try:
            return build(*args, **kwargs)
        except UserError:
            raise
        except Exception as error:
            raise UserError(
                f'cannot build {what} of config {cfg.filename!r}: '
                f'{type(error).__name__}: {one_line(error)}') from error

    return telling
