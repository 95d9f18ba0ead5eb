"""Refuse trainings in which the structure of the model cannot change."""
from importlib.util import find_spec
from typing import Iterator

import torch
from mmengine.hooks import EMAHook, Hook
from mmengine.model import (BaseAveragedModel, BaseModel,
                            MMDistributedDataParallel, is_model_wrapper)
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.runner import Runner
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.nn.parallel import DistributedDataParallel

from ..dyrep import Evolution, Scores
from ..errors import UserError
from .training import inner_model

OPTIMIZED = ('OptimWrapper', 'AmpOptimWrapper')
WRAPPERS = (MMDistributedDataParallel, DistributedDataParallel)


def check_config(cfg: dict) -> None:
    """Refuse a config with parts that cannot change during a training.

    Raises:
        UserError: The config has such a part.
    """
    if cfg.get('efficient_conv_bn_eval'):
        raise UserError(
            '`efficient_conv_bn_eval` takes convolutions for their `weight` '
            'alone and cannot be used with DyRepHook: leave it out')
    wrapper = cfg.get('optim_wrapper') or {}
    if isinstance(wrapper,
                  dict) and wrapper.get('constructor') and ('optimizer'
                                                            not in wrapper):
        raise UserError('DyRepHook cannot share a model among several '
                        'optimizers: use one `optimizer` in `optim_wrapper`')
    optimizer = wrapper.get('type') if isinstance(wrapper, dict) else None
    if optimizer not in (None, *OPTIMIZED):
        raise UserError(_unsupported(f'{optimizer}'))
    kind = (cfg.get('model_wrapper_cfg') or {}).get('type')
    strategy = (cfg.get('strategy') or {}).get('type')
    for name in filter(None, (kind, strategy)):
        if name not in ('MMDistributedDataParallel', 'SingleDeviceStrategy'):
            raise UserError(_unsupported(f'{name}'))


def check_runner(runner: Runner, evolving: type) -> None:
    """Refuse a Runner with parts that cannot change during a training.

    Args:
        runner: The Runner, which has its hooks.
        evolving: The class of hooks that change the model.

    Raises:
        UserError: The Runner or its config has such a part.
    """
    check_config(runner.cfg)
    for what in _unsupported_parts(runner):
        raise UserError(_unsupported(what))
    model = inner_model(runner)
    if not isinstance(model, BaseModel):
        raise UserError(
            f'DyRepHook calibrates on batches as a BaseModel of mmengine gets '
            f'them, and the model (a {type(model).__name__}) is none: derive '
            'it from BaseModel')
    groups = runner.optim_wrapper.optimizer.param_groups
    if len(groups) > 1 and not runner.cfg.get('optim_wrapper'):
        raise UserError(
            'DyRepHook makes the groups of new parameters by the '
            '`optim_wrapper` of the `cfg` of the Runner, which has none: '
            'build it with Runner.from_cfg')
    evolves = [isinstance(hook, evolving) for hook in runner.hooks]
    check_one(sum(evolves))
    averaging = list(map(_averages, runner.hooks))
    if any(averaging) and evolves.index(True) > averaging.index(True):
        kind = type(runner.hooks[averaging.index(True)]).__name__
        raise UserError(f'DyRepHook must come before {kind}, which follows '
                        f'its changes: give {kind} a lower `priority`')


def check_sites(evolution: Evolution) -> None:
    """Refuse to evolve a model in which nothing can grow.

    Raises:
        UserError: Nothing can grow, or a convolution cannot have the branches.
    """
    if not evolution.sites():
        raise UserError(
            f'`scope` (={evolution.scope!r}) of DyRepHook has no plain '
            'convolution larger than 1x1 that is trained and that one of its '
            f'`branches` ({", ".join(evolution.branches)}) fits')
    evolution.try_sites()


def check_one(count: int) -> None:
    """Refuse several DyRepHooks.

    Args:
        count: Number of the hooks.

    Raises:
        UserError: There is more than one.
    """
    if count > 1:
        raise UserError('there are several DyRepHooks in `custom_hooks`, and '
                        'each changes the model that the others follow: keep '
                        'one')


def check_pictures() -> None:
    """Refuse to draw pictures without matplotlib.

    Raises:
        UserError: matplotlib is not installed.
    """
    if find_spec('matplotlib') is None:
        raise UserError('`draw` (=True) of DyRepHook needs matplotlib, which '
                        'is not installed: run `pip install matplotlib` or '
                        'leave `draw` out')


def check_scores(scores: Scores, optim_wrapper: OptimWrapper) -> None:
    """Refuse to evolve by scores that no step of the optimizer has reached.

    With a loss scaler this is no error, since scaled gradients may overflow
    in all steps.

    Args:
        scores: Scores since the last event.
        optim_wrapper: The wrapper of the optimizer.

    Raises:
        UserError: The optimizer has not called its hook, though it stepped.
    """
    if not scores.calls and not hasattr(optim_wrapper, 'loss_scaler'):
        raise UserError(
            'DyRepHook has not seen a step of the optimizer: PyTorch 2.1 '
            f'(here {torch.__version__}) loses the hooks of all optimizers '
            'once it has compiled something; train without `compile` or with '
            'a newer PyTorch')


def _unsupported_parts(runner: Runner) -> Iterator[str]:
    if hasattr(runner, 'strategy'):
        yield type(runner).__name__
    if is_model_wrapper(runner.model) and type(runner.model) not in WRAPPERS:
        yield type(runner.model).__name__
    wrapper = runner.optim_wrapper
    if type(wrapper) not in (OptimWrapper, AmpOptimWrapper):
        yield type(wrapper).__name__
    elif isinstance(wrapper.optimizer, ZeroRedundancyOptimizer):
        yield 'ZeroRedundancyOptimizer'
    for hook in runner.hooks:
        if type(hook).__name__ == 'MeanTeacherHook':
            yield 'MeanTeacherHook'
    for module in runner.model.modules():
        if isinstance(module, BaseAveragedModel):
            yield f'a {type(module).__name__} inside of the model'


def _averages(hook: Hook) -> bool:
    return isinstance(hook, EMAHook) or hasattr(hook, 'ema_model')


def _unsupported(what: str) -> str:
    return (f'DyRepHook cannot change parameters that {what} keeps: train '
            'with Runner, OptimWrapper or AmpOptimWrapper, on one process or '
            'with MMDistributedDataParallel')
