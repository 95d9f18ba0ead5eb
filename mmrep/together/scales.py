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


def dots(a: Tensor,
         b: Tensor,
         scale: Optional[Tensor],
         place: int = 1) -> List[Tensor]:
    """Sum products of kernels, as the gradient of each row of a scale.

    Args:
        a: Kernels of blocks.
        b: Others of the same shape.
        scale: The scale; without any, nothing is returned.
        place: The dimension of the output channels: 2 if the branches come
            before. Defaults to 1.
    """
    if scale is None:
        return []
    first = place if scale.size(2) == 1 else place + 1
    sums = (a * b).sum(list(range(first, a.dim())))
    rows = [sums] if place == 1 else [sums[:, i] for i in range(a.size(1))]
    return [row.view(len(a), -1) for row in rows]
