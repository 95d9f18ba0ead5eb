"""The product of the loss's Hessian and its gradient, without a graph."""
from typing import Any, Callable, Dict, List, Sequence

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

from .calibration import untouched
from .precision import widest

STEP = 1e-3  # as a multiple of the norm of all kernels together


def grasp(model: nn.Module, kernels: Dict[str, nn.Parameter],
          batches: Sequence, loss: Callable[[Any],
                                            Tensor]) -> Dict[str, float]:
    """Return ``-sum(w * (H g))`` of each kernel (DyRep, equation 14).

    ``H g`` is the difference of the gradients a small step along ``g`` ahead
    and behind, since some operators of detectors have no second derivative.
    The model runs as in training, three times for each batch, and stays as it
    is.

    Args:
        model: The model without wrappers.
        kernels: The kernels to score, by name.
        batches: Batches like those that the model trains on.
        loss: Function that returns the model's loss on a batch.
    """
    weights = list(kernels.values())
    total = torch.zeros(len(weights), dtype=widest('cpu'))
    for batch in batches:
        gradients = _gradients(model, weights, batch, loss)
        length = _norm(gradients)
        if length == 0:
            continue
        step = STEP * _norm(weights) / length
        ahead, behind = [
            _moved(model, weights, gradients, sign * step, batch, loss)
            for sign in (1, -1)
        ]
        total += torch.stack([
            -_wide(w * (a - b)).sum().cpu().to(total) / (2 * step)
            for w, a, b in zip(weights, ahead, behind)
        ])
    all_reduce(total, 'mean')
    return dict(zip(kernels, (total / max(len(batches), 1)).tolist()))


def _gradients(model: nn.Module, weights: List[nn.Parameter], batch: Any,
               loss: Callable[[Any], Tensor]) -> List[Tensor]:
    with untouched(model), torch.enable_grad():
        grads = torch.autograd.grad(loss(batch), weights, allow_unused=True)
    return [
        torch.zeros_like(w) if g is None else g
        for w, g in zip(weights, grads)
    ]


def _moved(model: nn.Module, weights: List[nn.Parameter], along: List[Tensor],
           step: float, batch: Any, loss: Callable[[Any],
                                                   Tensor]) -> List[Tensor]:
    """Return the gradients after a step of all kernels along a direction."""
    kept = [w.detach().clone() for w in weights]
    with torch.no_grad():
        for weight, direction in zip(weights, along):
            weight.add_(direction, alpha=step)
    try:
        return _gradients(model, weights, batch, loss)
    finally:
        with torch.no_grad():
            for weight, before in zip(weights, kept):
                weight.copy_(before)


def _norm(tensors: List[Tensor]) -> float:
    return sum(_wide(t).square().sum().item() for t in tensors)**0.5


def _wide(tensor: Tensor) -> Tensor:
    return tensor.detach().to(widest(tensor.device))
