"""Refresh the optimizer, averages and wrapper of a model that changed."""
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
    """Run an event, and refresh all of a training that knows the model.

    Args:
        training: The training of the model. A wrapper such as DDP stays as it
            was; see :func:`rewrap`.
        evolution: The evolution of the model.
        step: The number of the event's iteration, from 1.
        scores: Scores since the last event.
        data: The last batches.

    Returns:
        The record of the event.

    Raises:
        UserError: See :meth:`mmrep.dyrep.Evolution.event`.
    """
    record = evolution.event(step, scores, data)
    refresh(training)
    training.model.train()  # `train()` also applies the host's `norm_eval`
    return record


def refresh(training: Training) -> None:
    """Give the optimizer and the averages the current parameters of a model.

    The wrapper of the model stays as it is.

    Args:
        training: The training, right after gradients were zeroed: a DDP
            wrapper holds the memory of gradients itself.
    """
    for average in averages(training):
        _refresh_average(average)
    cfg = training.cfg.get('optim_wrapper')
    regroup(training.optim_wrapper.optimizer, inner_model(training), cfg
            and partial(_fresh_optimizer, cfg), training.param_schedulers
            or [])


def refresh_if_needed(runner: Runner) -> None:
    """Refresh a Runner if its optimizer lacks parameters of the model."""
    if isinstance(runner.optim_wrapper, BaseOptimWrapper):
        known = set(all_parameters(runner.optim_wrapper.optimizer))
        there = set(inner_model(runner).parameters())
        if known - there or any(p.requires_grad for p in there - known):
            refresh(runner)
            rewrap(runner)


def _fresh_optimizer(cfg: dict, model: nn.Module) -> Optimizer:
    """Make an optimizer by the user's constructor, without its log lines."""
    with quiet():
        return build_optim_wrapper(model, copy.deepcopy(cfg)).optimizer


def _refresh_average(average: BaseAveragedModel) -> None:
    """Set up an averaged model anew, as its constructor does."""
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
    gc.collect()  # this removes the old wrapper's hooks on gradients
    runner.model = runner.wrap_model(
        runner.cfg.get('model_wrapper_cfg'), inner)
    runner.model.training = mode
