"""Adaptive average pooling that an ONNX graph has for images of any size.

ONNX has none. Of a known size that the bins divide, torch exports an average
pool; PSPNet's bins of 1, 2, 3 and 6 divide few sizes.
"""
import torch
from torch import Tensor, nn

from ..nets.walk import names, replace


class MatrixPool(nn.Module):
    """``rows @ x @ columns``, equal to ``nn.AdaptiveAvgPool2d``.

    Args:
        output_size: Height and width; None keeps the input's.
    """

    def __init__(self, output_size) -> None:
        super().__init__()
        if not isinstance(output_size, (tuple, list)):
            output_size = (output_size, output_size)
        self.output_size = tuple(output_size)

    def forward(self, x: Tensor) -> Tensor:
        height, width = self.output_size
        if height is not None:
            x = averages(x.shape[2], height, x) @ x
        if width is not None:
            x = x @ averages(x.shape[3], width, x).t()
        return x


def averages(length, bins: int, like: Tensor) -> Tensor:
    """The matrix (bins, length) whose rows average what is in each bin.

    Bin i reaches from floor(i * length / bins) to, without it,
    ceil((i + 1) * length / bins), as torch has it.
    """
    i = torch.arange(bins, device=like.device)[:, None]
    place = torch.arange(length, device=like.device)[None]
    # place >= floor(a / b) where (place + 1) * b > a, and so on: no division
    inside = ((place + 1) * bins > i * length) & (
        place * bins < (i + 1) * length)
    inside = inside.to(like.dtype)
    return inside / inside.sum(1, keepdim=True)


def with_matrix_pools(model: nn.Module) -> nn.Module:
    """Put matrices in place of adaptive pools, but for global ones.

    Args:
        model: Changed in place.

    Returns:
        The model, or what stands for it.
    """
    pools = [m for m in names(model) if isinstance(m, nn.AdaptiveAvgPool2d)]
    return replace(
        model, {
            pool: MatrixPool(pool.output_size)
            for pool in pools if pool.output_size not in (1, (1, 1), [1, 1])
        })
