"""Operations that autograd itself uses, and their backwards.

Uses: ``torch._batch_norm_impl_index`` and its backward, which choose cuDNN
or a kernel of PyTorch as ``torch.batch_norm`` does and give the statistics of
the batch. Neither has a public name up to PyTorch 2.14. ``torch.ops.aten`` has
the operations that autograd calls for the backward of a convolution.
"""
from typing import List, Optional, Tuple

import torch
from torch import Tensor

from .batch_norms import TrainedNorm, cudnn_is_on
from .private import private

_norm = private('torch._batch_norm_impl_index', __name__,
                'to run a batch norm and get the statistics of the batch')
_aten = torch.ops.aten
_norm_backward = _aten._batch_norm_impl_index_backward.default
_conv_backward = _aten.convolution_backward.default
_pool_backward = _aten.avg_pool2d_backward.default
# updates the running statistics, returns mean and biased variance
batch_statistics = torch.batch_norm_update_stats


def train_norm(x: Tensor, norm: TrainedNorm, weight: Tensor,
               bias: Tensor) -> Tuple[Tensor, tuple, int]:
    """Run a batch norm that takes the statistics of the batch.

    Args:
        x: Its input.
        norm: The norm, whose running statistics are updated.
        weight: Its weight.
        bias: Its bias.

    Returns:
        The output, and the tensors and the number of the implementation that
        the backward takes.
    """
    out, mean, scale, reserve, index = _norm(x, weight, bias, norm.mean,
                                             norm.var, True, norm.momentum,
                                             norm.eps, cudnn_is_on())
    return out, (mean, scale, reserve), index


def norm_backward(grad: Tensor, x: Tensor, weight: Tensor, kept: tuple,
                  index: int, eps: float, mask: List[bool]) -> tuple:
    """Return the gradients of a batch norm's input, weight and bias.

    Args:
        grad: Gradient of its output.
        x: Its input.
        weight: Its weight.
        kept: The tensors that :func:`train_norm` returned.
        index: The number that it returned.
        eps: The norm's ``eps``.
        mask: True for each gradient that is needed.
    """
    mean, scale, reserve = kept
    return _norm_backward(index, x, grad, weight, None, None, mean, scale,
                          True, eps, mask, reserve)


def statistics_backward(grad: Tensor, x: Tensor, weight: Tensor, mean: Tensor,
                        scale: Tensor, eps: float, mask: List[bool]) -> tuple:
    """Return :func:`norm_backward` from a mean and ``1 / sqrt(var + eps)``."""
    return _aten.native_batch_norm_backward.default(grad, x, weight, None,
                                                    None, mean, scale, True,
                                                    eps, mask)


def conv_backward(grad: Tensor, x: Tensor, weight: Tensor, call: tuple,
                  mask: List[bool]) -> Tuple[Optional[Tensor], ...]:
    """Return the gradients of a convolution's input and weight.

    Args:
        grad: Gradient of its output.
        x: Its input.
        weight: Its weight.
        call: Stride, padding, dilation and groups.
        mask: True for each gradient that is needed.
    """
    if not any(mask):
        return None, None
    stride, padding, dilation, groups = call
    return _conv_backward(grad, x, weight, None, stride, padding, dilation,
                          False, (0, 0), groups, (*mask, False))[:2]


def pool_backward(grad: Tensor, x: Tensor, size: tuple, stride: tuple,
                  padding: tuple) -> Tensor:
    """Return the gradient of the input of ``F.avg_pool2d``."""
    return _pool_backward(grad, x, size, stride, padding, False, True, None)
