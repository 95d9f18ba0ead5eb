"""Batch norms with fixed statistics: in eval mode, and frozen for good."""
from typing import List, Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..compat.batch_norms import has_statistics, is_batch_norm, is_frozen_norm
from ..compat.modules import buffers_of

FIXED = dict(running_mean=0., running_var=1., weight=1., bias=0.)


def norms_in(module: nn.Module) -> List[nn.Module]:
    """Return all batch norms with running statistics, any SyncBN included."""
    return [
        norm for norm in module.modules()
        if is_batch_norm(norm) and has_statistics(norm)
    ]


def takes_batches(norm: nn.Module) -> bool:
    """Return True if a batch norm takes the statistics of batches now."""
    return norm.training and not is_frozen_norm(norm)


@torch.no_grad()
def reset_norm(norm: nn.Module) -> None:
    """Initialise a batch norm; a frozen one has no method for that."""
    if not is_frozen_norm(norm):
        norm.reset_parameters()
        return
    for name, value in FIXED.items():
        buffers_of(norm)[name].fill_(value)


def affine_forward(norm: nn.Module, x: Tensor) -> Tensor:
    """Compute a batch norm with fixed statistics as one operation."""
    return F.batch_norm(
        x,
        norm.running_mean,
        norm.running_var,
        norm.weight,
        norm.bias,
        eps=getattr(norm, 'eps', 1e-5))


@torch.no_grad()
def is_affine(norm: nn.Module) -> Optional[bool]:
    """Return True if a norm computes :func:`affine_forward` and no more.

    Some norms with fixed statistics have an activation inside.

    Returns:
        True or False, None if the norm does not run.
    """
    mean = norm.running_mean
    x = torch.linspace(-2, 2, 18 * len(mean)).to(mean)
    x = x.view(2, -1, 3, 3) + mean[:, None, None]
    try:
        found, expected = norm(x), affine_forward(norm, x)
        scale = expected.abs().max().item()
        return torch.allclose(found, expected, rtol=1e-3, atol=1e-3 * scale)
    except Exception:  # a module may raise anything
        return None
