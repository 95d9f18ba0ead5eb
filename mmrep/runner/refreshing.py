"""The optimizer, averages and wrapper of a model whose parameters changed."""
import copy
import gc
from functools import partial

from mmengine.model import BaseAveragedModel, is_model_wrapper
from mmengine.optim import BaseOptimWrapper, build_optim_wrapper
from mmengine.runner import Runner
from torch import nn
from torch.optim import Optimizer

from ..compat.quiet import quiet
from ..dyrep import Data, Evolution, Scores
from ..dyrep.optimizer import all_parameters, regroup
from .training import Training, averages, inner_model


def evolve(training: Training, evolution: Evolution, step: int, scores: Scores,
           data: Data) -> dict:
    """Have an event, and let all of a training know the changed model.

    Args:
        training: Has the model; a wrapper of it is as it was, see
            :func:`rewrap`.
        evolution: Of the model.
        step: When, in iterations.
        scores: Since the last event.
        data: The last batches.

    Returns:
        What happened.

    Raises:
        UserError: See :meth:`mmrep.dyrep.Evolution.event`.
    """
    record = evolution.event(step, scores, data)
    refresh(training)
    training.model.train()  # hosts say by it which norms train
    return record


def refresh(training: Training) -> None:
    """Make the parameters that a model has now known to all but its wrapper.

    Args:
        training: Right after gradients were zeroed: those of a DDP wrapper
            are its own.
    """
    for average in averages(training):
        _refresh_average(average)
    cfg = training.cfg.get('optim_wrapper')
    regroup(training.optim_wrapper.optimizer, inner_model(training), cfg
            and partial(_fresh_optimizer, cfg), training.param_schedulers
            or [])


def refresh_if_needed(runner: Runner) -> None:
    """Refresh a Runner whose optimizer does not know the model."""
    if isinstance(runner.optim_wrapper, BaseOptimWrapper):
        known = set(all_parameters(runner.optim_wrapper.optimizer))
        there = set(inner_model(runner).parameters())
        if known - there or any(p.requires_grad for p in there - known):
            refresh(runner)
            rewrap(runner)


def _fresh_optimizer(cfg: dict, model: nn.Module) -> Optimizer:
    """By the user's constructor, which logs the options of each parameter."""
    with quiet():
        return build_optim_wrapper(model, copy.deepcopy(cfg)).optimizer


def _refresh_average(average: BaseAveragedModel) -> None:
    """As at its construction."""
    average.module.requires_grad_(False)
    if average.update_buffers:
        average.avg_parameters = average.module.state_dict()
    else:
        average.avg_parameters = dict(average.module.named_parameters())


def rewrap(runner: Runner) -> None:
    """Make a new DDP wrapper: the old one would not reduce new gradients."""
    if not is_model_wrapper(runner.model):
        return
    inner = runner.model.module
    mode = runner.model.training
    runner.model = None
    gc.collect()  # its hooks on gradients go with it
    runner.model = runner.wrap_model(
        runner.cfg.get('model_wrapper_cfg'), inner)
    runner.model.training = mode
