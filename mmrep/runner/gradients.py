"""Gradients that accumulate over iterations until the optimizer steps."""
from typing import Dict

from torch import Tensor

from .training import Training, inner_model


def accumulated(training: Training) -> Dict[str, Tensor]:
    """Copy the accumulated gradients, by the names of their parameters.

    Args:
        training: The training, right after an iteration.

    Returns:
        The copies, on the CPU; none if the optimizer has just stepped.
    """
    if training.optim_wrapper.should_update():
        return {}
    return {
        name: p.grad.cpu()
        for name, p in inner_model(training).named_parameters()
        if p.grad is not None
    }


def accumulate(training: Training, gradients: Dict[str, Tensor]) -> None:
    """Continue from gradients that were accumulated before.

    Args:
        training: The training, before its first iteration.
        gradients: The result of :func:`accumulated`.
    """
    for name, p in inner_model(training).named_parameters():
        if name in gradients:
            p.grad = gradients[name].to(p)
