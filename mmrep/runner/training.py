"""What trains a model, as far as its changes have to be known there."""
from typing import Any, Iterator, List, Mapping, Protocol, Sequence

from mmengine.model import BaseAveragedModel, is_model_wrapper
from mmengine.optim import OptimWrapper
from torch import nn


class Training(Protocol):
    """The members of mmengine's Runner that following a model takes.

    A Runner has them; a class without data or loops may have them, too, such
    as :class:`mmrep.measure.training_step.TrainingStep`.

    Attributes:
        model: A ``BaseModel`` of mmengine, in a wrapper such as DDP or not.
        optim_wrapper: With the one optimizer of the model.
        param_schedulers: mmengine's, of the optimizer; none is an empty
            sequence or None.
        hooks: Those that keep an average of the model have it as
            ``ema_model``.
        cfg: Its ``optim_wrapper`` says how the optimizer is made; without
            one the optimizer has a single group.
    """

    model: nn.Module
    optim_wrapper: OptimWrapper
    param_schedulers: Sequence[Any]
    hooks: Sequence[Any]
    cfg: Mapping[str, Any]


def inner_model(training: Training) -> nn.Module:
    """The model, without DDP."""
    model = training.model
    return model.module if is_model_wrapper(model) else model


def averages(training: Training) -> Iterator[BaseAveragedModel]:
    """The averaged models of hooks such as EMAHook."""
    for hook in training.hooks:
        if isinstance(getattr(hook, 'ema_model', None), BaseAveragedModel):
            yield hook.ema_model


def models(training: Training) -> List[nn.Module]:
    """The model and its averages, none of them wrapped."""
    return [inner_model(training), *(a.module for a in averages(training))]
