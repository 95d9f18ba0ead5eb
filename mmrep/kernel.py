"""The algebra of convolution kernels: pure functions on one value type.

``x -> conv(x, weight) + bias`` is a value, a :class:`Kernel`. Every function
here states its law, an equation between convolutions which holds exactly.
A block is an expression over kernels; fusing a block is evaluating it.

Shapes: ``weight`` is (out_channels, in_channels / groups, kernel height,
kernel width) as in :func:`torch.nn.functional.conv2d`, ``bias`` is
(out_channels,) or None.
"""
import math
from contextvars import ContextVar
from typing import Dict, NamedTuple, Optional, Tuple, Union

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEW = 2**22  # products of taps that need no more than 16 MiB
Affine = Tuple[Tensor, Tensor]  # scale and shift, one each per channel
# maps that are known already, by norm; only while mmrep.together traces
AFFINES: ContextVar[Optional[Dict[nn.Module, Affine]]] = ContextVar(
    'AFFINES', default=None)


class Kernel(NamedTuple):
    """A convolution as a value: ``x -> conv(x, weight) + bias``.

    Examples:
        >>> import torch
        >>> from mmrep import Kernel
        >>> kernel = Kernel(torch.ones(8, 4, 3, 3))
        >>> kernel.size, kernel.bias
        ((3, 3), None)
        >>> torch.conv2d(torch.ones(1, 4, 5, 5), *kernel).shape
        torch.Size([1, 8, 3, 3])
    """

    weight: Tensor
    bias: Optional[Tensor] = None

    @property
    def size(self) -> Tuple[int, int]:
        """Height and width of the kernel."""
        return tuple(self.weight.shape[2:])


def norm_affine(norm: nn.Module,
                statistics: Optional[Tuple[Tensor, Tensor]] = None) -> Affine:
    """Read a batch norm in eval mode as ``x -> scale * x + shift``.

    ``scale = gamma / sqrt(var + eps)``, ``shift = beta - mean * scale``
    (Ioffe and Szegedy, 2015; RepVGG, section 3.3).

    Args:
        norm: A batch norm.
        statistics: Mean and variance to use. Defaults to the running ones.

    Raises:
        TypeError: ``norm`` keeps no running statistics.

    Examples:
        >>> from torch import nn
        >>> from mmrep import kernel as K
        >>> scale, shift = K.norm_affine(nn.BatchNorm2d(2, eps=0.0))
        >>> scale.tolist(), shift.tolist()
        ([1.0, 1.0], [0.0, 0.0])
    """
    given = AFFINES.get()
    if given is not None and statistics is None and norm in given:
        return given[norm]
    if getattr(norm, 'running_var', None) is None:
        raise TypeError(
            f'cannot fold {type(norm).__name__}: only a batch norm with '
            'running statistics is an affine map in eval mode')
    mean, var = statistics or (norm.running_mean, norm.running_var)
    scale = (var + norm.eps).rsqrt()
    if norm.weight is not None:
        scale = scale * norm.weight
    shift = -mean * scale
    return scale, shift if norm.bias is None else shift + norm.bias


def fold_norm(kernel: Kernel, norm: nn.Module) -> Kernel:
    """``conv(x, fold_norm(k, norm)) == norm(conv(x, k))``, norm in eval.

    Examples:
        >>> import torch
        >>> from mmrep import kernel as K
        >>> from mmrep.testing import randomize_norms
        >>> norm = randomize_norms(torch.nn.BatchNorm2d(4).eval())
        >>> k, x = K.Kernel(torch.randn(4, 3, 3, 3)), torch.randn(1, 3, 8, 8)
        >>> folded = torch.conv2d(x, *K.fold_norm(k, norm))
        >>> torch.allclose(folded, norm(torch.conv2d(x, *k)), atol=1e-4)
        True
    """
    scale, shift = norm_affine(norm)
    weight = kernel.weight * scale[:, None, None, None]
    bias = shift if kernel.bias is None else shift + scale * kernel.bias
    return Kernel(weight, bias)


def scale(kernel: Kernel, factor: Union[Tensor, float]) -> Kernel:
    """``conv(x, scale(k, s)) == s * conv(x, k)``, s (out_channels or 1,).

    Examples:
        >>> import torch
        >>> from mmrep import kernel as K
        >>> k = K.Kernel(torch.ones(2, 1, 1, 1), torch.ones(2))
        >>> doubled = K.scale(k, torch.tensor([2.0, 3.0]))
        >>> doubled.weight.flatten().tolist(), doubled.bias.tolist()
        ([2.0, 3.0], [2.0, 3.0])
    """
    bias = None if kernel.bias is None else factor * kernel.bias
    if isinstance(factor, Tensor):
        factor = factor[:, None, None, None]
    return Kernel(kernel.weight * factor, bias)


def add(*kernels: Kernel) -> Kernel:
    """``conv(x, add(a, b)) == conv(x, a) + conv(x, b)``.

    Raises:
        ValueError: The weights differ in shape (see :func:`pad`).

    Examples:
        >>> import torch
        >>> from mmrep import kernel as K
        >>> a, b = (K.Kernel(torch.randn(4, 3, 3, 3)) for _ in range(2))
        >>> x = torch.randn(1, 3, 8, 8)
        >>> both = torch.conv2d(x, *a) + torch.conv2d(x, *b)
        >>> torch.allclose(torch.conv2d(x, *K.add(a, b)), both, atol=1e-4)
        True
    """
    # tracing turns sizes into tensors
    shapes = sorted({tuple(map(int, k.weight.shape)) for k in kernels})
    if len(shapes) != 1:
        raise ValueError(
            f'kernels of different shapes cannot be added, got {shapes}: pad '
            'the smaller ones first')
    biases = [kernel.bias for kernel in kernels if kernel.bias is not None]
    weight = sum((kernel.weight for kernel in kernels[1:]), kernels[0].weight)
    return Kernel(weight, sum(biases[1:], biases[0]) if biases else None)


def compose(first: Kernel, second: Kernel, groups: int = 1) -> Kernel:
    """``conv(x, compose(a, b)) == conv(conv(x, a), b)``.

    The composed kernel has height ``ha + hb - 1`` and width ``wa + wb - 1``;
    both convolutions have the same ``groups``, and only the second may stride.
    If the second convolution pads, the law holds only if it pads with
    ``first.bias`` (what the first makes of a zero) instead of zeros.

    Args:
        first: Kernel with a weight of (t, i / groups, ha, wa).
        second: Kernel with a weight of (o, t / groups, hb, wb).
        groups: Groups of both convolutions. Defaults to 1.

    Examples:
        >>> import torch
        >>> from mmrep import kernel as K
        >>> a = K.Kernel(torch.randn(8, 3, 1, 1))
        >>> b = K.Kernel(torch.randn(4, 8, 3, 3))
        >>> x = torch.randn(1, 3, 8, 8)
        >>> both = torch.conv2d(torch.conv2d(x, *a), *b)
        >>> torch.allclose(torch.conv2d(x, *K.compose(a, b)), both, atol=1e-4)
        True
    """
    bias = second.bias
    if first.bias is not None:
        taps = second.weight.sum((2, 3)).unflatten(0, (groups, -1))
        moved = torch.einsum('got,gt->go', taps,
                             first.bias.unflatten(0, (groups, -1))).flatten()
        bias = moved if bias is None else bias + moved
    if first.size == (1, 1):
        weight = torch.einsum(
            'gti,gothw->goihw',
            first.weight.flatten(1).unflatten(0, (groups, -1)),
            second.weight.unflatten(0, (groups, -1))).flatten(0, 1)
    elif first.weight[0].numel() * second.weight[:, 0].numel() <= FEW:
        weight = _by_products(first, second, groups)
    else:
        weight = _by_convolution(first, second, groups)
    return Kernel(weight, bias)


def _by_products(first: Kernel, second: Kernel, groups: int) -> Tensor:
    """Add the products of all pairs of taps where their places add up.

    It takes fewer operations of the host than a convolution, and no TF32,
    which cuDNN takes for convolutions by default.
    """
    rows = second.weight.unflatten(0, (groups, -1))
    rows = rows.permute(0, 1, 3, 4, 2).flatten(1, 3)
    columns = first.weight.unflatten(0, (groups, -1)).flatten(2)
    products = torch.bmm(rows, columns).view(
        len(second.weight), math.prod(second.size), -1, math.prod(first.size))
    size = [a + b - 1 for a, b in zip(first.size, second.size)]
    return F.fold(
        products.transpose(1, 2).flatten(1, 2), size, tuple(second.size))


def _by_convolution(first: Kernel, second: Kernel, groups: int) -> Tensor:
    """Convolve the first kernel as if its pixels were an image's."""
    maps = first.weight.unflatten(0, (groups, -1)).transpose(1, 2)
    weight = F.conv2d(
        maps.transpose(0, 1).flatten(1, 2),
        second.weight.flip(2, 3),
        padding=tuple(size - 1 for size in second.size),
        groups=groups)
    return weight.transpose(0, 1)


def pad(kernel: Kernel, size: Tuple[int, int]) -> Kernel:
    """Zero-pad a kernel around its centre to a larger size.

    ``conv(x, pad(k, size))`` with ``p`` more padding on the top and left
    equals ``conv(x, k)``, where ``p = (size - 1) // 2 - (k.size - 1) // 2``.

    Raises:
        ValueError: The kernel is larger than ``size``.

    Examples:
        >>> import torch
        >>> from mmrep import kernel as K
        >>> padded = K.pad(K.Kernel(torch.ones(1, 1, 1, 1)), (3, 3))
        >>> padded.weight[0, 0].tolist()
        [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    height, width = kernel.size
    if height > size[0] or width > size[1]:
        raise ValueError(f'a kernel of size {kernel.size} cannot be padded '
                         f'to the smaller size {tuple(size)}')
    top = (size[0] - 1) // 2 - (height - 1) // 2
    left = (size[1] - 1) // 2 - (width - 1) // 2
    edges = (left, size[1] - width - left, top, size[0] - height - top)
    return Kernel(F.pad(kernel.weight, edges), kernel.bias)


def identity(channels: int,
             groups: int = 1,
             device: Union[torch.device, str, int, None] = None,
             dtype: Optional[torch.dtype] = None) -> Kernel:
    """``conv(x, identity(channels, groups), groups=groups) == x``, 1x1.

    Examples:
        >>> import torch
        >>> from mmrep import kernel as K
        >>> x = torch.randn(1, 4, 8, 8)
        >>> torch.equal(torch.conv2d(x, *K.identity(4, 2), groups=2), x)
        True
    """
    # PyTorch 2.1 has no eye in bfloat16
    eye = torch.eye(channels // groups, device=device).to(dtype)
    return Kernel(eye.repeat(groups, 1)[:, :, None, None])


def average(channels: int,
            size: Tuple[int, int],
            groups: int = 1,
            **factory) -> Kernel:
    """``conv(x, average(channels, size)) == avg_pool2d(x, size)``.

    Padded zeros count. Unlike a pooling layer, the kernel can be dilated.

    Examples:
        >>> import torch
        >>> from mmrep import kernel as K
        >>> x = torch.randn(1, 4, 8, 8)
        >>> pooled = torch.nn.functional.avg_pool2d(x, 3, stride=1)
        >>> averaged = torch.conv2d(x, *K.average(4, (3, 3)))
        >>> torch.allclose(averaged, pooled, atol=1e-5)
        True
    """
    weight = identity(channels, groups, **factory).weight
    return Kernel(weight.expand(-1, -1, *size) / (size[0] * size[1]))


def separable(depthwise: Kernel,
              pointwise: Kernel,
              in_channels: int,
              groups: int = 1) -> Kernel:
    """``conv(x, separable(d, p)) == conv(conv(x, d), p)``, d depthwise.

    Args:
        depthwise: Kernel with a weight of (in_channels * m, 1, h, w), without
            a bias.
        pointwise: Kernel with a weight of (o, in_channels * m / groups, 1,
            1).
        in_channels: Channels of the input.
        groups: Groups of the pointwise and of the resulting convolution.

    Examples:
        >>> import torch
        >>> from mmrep import kernel as K
        >>> d = K.Kernel(torch.randn(3, 1, 3, 3))
        >>> p = K.Kernel(torch.randn(4, 3, 1, 1))
        >>> x = torch.randn(1, 3, 8, 8)
        >>> both = torch.conv2d(torch.conv2d(x, *d, groups=3), *p)
        >>> one = torch.conv2d(x, *K.separable(d, p, in_channels=3))
        >>> torch.allclose(one, both, atol=1e-4)
        True
    """
    filters = depthwise.weight.squeeze(1).unflatten(
        0, (groups, in_channels // groups, -1))
    mix = pointwise.weight.flatten(1).unflatten(
        1, (in_channels // groups, -1)).unflatten(0, (groups, -1))
    weight = torch.einsum('gimhw,goim->goihw', filters, mix)
    return Kernel(weight.flatten(0, 1), pointwise.bias)


def dense(kernel: Kernel, dilation: Tuple[int, int]) -> Kernel:
    """``conv(x, dense(k, d)) == conv(x, k, dilation=d)``.

    Examples:
        >>> import torch
        >>> from mmrep import kernel as K
        >>> spread = K.dense(K.Kernel(torch.ones(1, 1, 2, 2)), (2, 2))
        >>> spread.weight[0, 0].tolist()
        [[1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 1.0]]
    """
    if tuple(dilation) == (1, 1):
        return kernel
    weight = kernel.weight
    size = [(k - 1) * d + 1 for k, d in zip(kernel.size, dilation)]
    spread = weight.new_zeros(*weight.shape[:2], *size)
    spread[:, :, ::dilation[0], ::dilation[1]] = weight
    return Kernel(spread, kernel.bias)
