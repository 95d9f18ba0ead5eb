"""Kernels of many blocks, scaled, and the gradients of the scales.

A scale is (blocks, branches, out_channels or 1), or None.
"""
from typing import List, Optional

from torch import Tensor


def arranged(tensor: Tensor, *dims: int) -> Tensor:
    """Permute a tensor, also in memory."""
    return tensor.permute(dims).contiguous()


def scaled(tensor: Tensor, scale: Optional[Tensor], place: int = 1) -> Tensor:
    """Scale the output channels, which are the dimension at a place."""
    if scale is None:
        return tensor
    if place == 1:
        scale = scale[:, 0]
    return tensor * scale.view(scale.shape + (1, ) *
                               (tensor.dim() - scale.dim()))


def dots(a: Tensor, b: Tensor, scale: Optional[Tensor]) -> List[Tensor]:
    """Sum products of kernels, as the gradient of a scale, if there is one.

    Args:
        a: Kernels of blocks; their output channels come second.
        b: Others of the same shape.
        scale: The scale.
    """
    if scale is None:
        return []
    first = 1 if scale.size(2) == 1 else 2
    return [(a * b).sum(list(range(first, a.dim()))).view(len(a), -1)]
