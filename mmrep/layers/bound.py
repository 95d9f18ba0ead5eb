"""Branches as functions of the input alone, made once for a structure."""
from typing import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from ..compat.batch_norms import run_norm
from ..compat.hooks import is_bare
from ..compat.modules import children_of, parameters_of
from .geometry import Geometry
from .steps import Convolution

Bound = Callable[[Tensor], Tensor]


def convolved(branch: nn.Module, geometry: Geometry,
              conv: Convolution) -> Bound:
    """Return ``norm(conv(x))`` without a call of the branch's module.

    The function holds as long as the branch has the same norm. It calls the
    module where somebody hooked it, or keeps the weight elsewhere.

    Args:
        branch: The branch, with its norm as ``norm``.
        geometry: The geometry of the block around.
        conv: The convolution.
    """
    weights, norm = parameters_of(branch), children_of(branch).get('norm')

    def run(x: Tensor) -> Tensor:
        weight = weights.get('weight')
        if weight is None or not is_bare(branch):
            return branch(x, geometry)
        x = F.conv2d(x, weight, None, *conv.call)
        return x if norm is None else run_norm(norm, x)

    return run


def normed(branch: nn.Module, geometry: Geometry) -> Bound:
    """Return ``norm(x)``; see :func:`convolved`.

    Args:
        branch: The branch, with its norm as ``norm``.
        geometry: The geometry of the block around.
    """
    norm = children_of(branch).get('norm')

    def run(x: Tensor) -> Tensor:
        if not is_bare(branch):
            return branch(x, geometry)
        return x if norm is None else run_norm(norm, x)

    return run
