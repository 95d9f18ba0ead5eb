"""The parts of a training that must know of changes of its model."""
from typing import Any, Iterator, List, Mapping, Protocol, Sequence

from mmengine.model import BaseAveragedModel, is_model_wrapper
from mmengine.optim import OptimWrapper
from torch import nn


class Training(Protocol):
    """Members of mmengine's Runner that are needed to follow a model.

    A Runner has them. A class without data or loops may have them, too, such
    as :class:`mmrep.measure.training_step.TrainingStep`.

    Attributes:
        model: A ``BaseModel`` of mmengine, with or without a wrapper such as
            DDP.
        optim_wrapper: The wrapper of the model's only optimizer.
        param_schedulers: mmengine's schedulers of the optimizer. Without any
            it is an empty sequence or None.
        hooks: The hooks. A hook that keeps an average of the model has it as
            ``ema_model``.
        cfg: The config. Its ``optim_wrapper`` tells how to make the
            optimizer; without this the optimizer has a single group.
    """

    model: nn.Module
    optim_wrapper: OptimWrapper
    param_schedulers: Sequence[Any]
    hooks: Sequence[Any]
    cfg: Mapping[str, Any]


def inner_model(training: Training) -> nn.Module:
    """Return the model without a wrapper such as DDP."""
    model = training.model
    return model.module if is_model_wrapper(model) else model


def averages(training: Training) -> Iterator[BaseAveragedModel]:
    """Yield the averaged models of hooks such as EMAHook."""
    for hook in training.hooks:
        if isinstance(getattr(hook, 'ema_model', None), BaseAveragedModel):
            yield hook.ema_model


def models(training: Training) -> List[nn.Module]:
    """Return the model and its averages, all without wrappers."""
    return [inner_model(training), *(a.module for a in averages(training))]
