"""Helpers for tests of re-parameterization."""
from typing import Optional

import torch
from torch import Tensor, nn

from .compat.batch_norms import is_batch_norm
from .nets.walk import check_module


@torch.no_grad()
def randomize_norms(module: nn.Module, seed: int = 0) -> nn.Module:
    """Give every batch norm statistics and an affine map far from fresh.

    On fresh norms a wrong fusion passes any test.

    Args:
        module: The module, which is changed in place.
        seed: Seed of the drawn numbers. Defaults to 0.

    Returns:
        ``module``.

    Examples:
        >>> from torch import nn
        >>> from mmrep.testing import randomize_norms
        >>> norm = randomize_norms(nn.BatchNorm2d(4))
        >>> bool((norm.running_var > 0.5).all())
        True
    """
    check_module(module)
    generator = torch.Generator().manual_seed(seed)

    def draw(tensor: Optional[Tensor], low: float, high: float) -> None:
        if tensor is not None:
            values = torch.rand(tensor.shape, generator=generator)
            tensor.copy_(low + (high - low) * values)

    for norm in module.modules():
        if is_batch_norm(norm):
            draw(norm.weight, 0.5, 1.5)
            draw(norm.bias, -0.5, 0.5)
            draw(norm.running_mean, -0.5, 0.5)
            draw(norm.running_var, 0.5, 2.0)
    return module
