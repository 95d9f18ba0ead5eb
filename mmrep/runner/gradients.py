"""Gradients that wait for further ones before the optimizer steps."""
from typing import Dict

from torch import Tensor

from .training import Training, inner_model


def accumulated(training: Training) -> Dict[str, Tensor]:
    """Copy the gradients that wait, by the names of their parameters."""
    if training.optim_wrapper.should_update():
        return {}
    return {
        name: p.grad.cpu()
        for name, p in inner_model(training).named_parameters()
        if p.grad is not None
    }


def accumulate(training: Training, gradients: Dict[str, Tensor]) -> None:
    """Go on from gradients that were accumulated."""
    for name, p in inner_model(training).named_parameters():
        if name in gradients:
            p.grad = gradients[name].to(p)
