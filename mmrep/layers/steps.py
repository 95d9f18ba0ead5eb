"""What the last step of a branch does to features, with its gradients.

A step is a function of features and at most one weight. Its backward takes
both again, so a caller chooses what to keep.
"""
from typing import NamedTuple, Optional, Tuple, Union

import torch.nn.functional as F
from torch import Tensor

from ..compat.compiling import made_once
from ..compat.operations import conv_backward, pool_backward
from .geometry import Geometry

SMALL = 2**13  # features that a CPU pools faster than it convolves them
Call = Tuple[tuple, tuple, tuple, int]  # stride, padding, dilation, groups
Pair = Tuple[Optional[Tensor], Optional[Tensor]]


class Convolution(NamedTuple):
    """A convolution with zeros around the image, of equal width."""

    call: Call

    def __call__(self, x: Tensor, weight: Tensor) -> Tensor:
        return F.conv2d(x, weight, None, *self.call)

    def backward(self, grad: Tensor, mask: list, x: Tensor,
                 weight: Tensor) -> Pair:
        """Return the gradients of the features and the weight.

        Args:
            grad: Gradient of the output.
            mask: True for each gradient that is needed.
            x: The features.
            weight: The weight.
        """
        return conv_backward(grad, x, weight, self.call, mask)

    def add_constant(self, total: Tensor, values: Tensor, factor: float,
                     weight: Tensor) -> None:
        """Add the output for features that are constant in each channel.

        Args:
            total: The sum, (out_channels,), changed in place.
            values: The constants, (channels,).
            factor: Factor of what is added.
            weight: The weight.
        """
        weight, groups = weight.detach(), self.call[-1]
        # each constant once for each tap; `repeat_interleave` takes longer,
        # and so does an index in place of `unsqueeze`
        taps = weight.size(2) * weight.size(3)
        values = values.unsqueeze(1).expand(-1, taps).flatten()
        if weight.dtype != total.dtype:  # under autocast
            weight, values = weight.to(total.dtype), values.to(total.dtype)
        if groups == 1:
            total.addmv_(weight.flatten(1), values, alpha=factor)
            return
        total.view(groups, -1, 1).baddbmm_(
            weight.reshape(groups,
                           len(weight) // groups, -1),
            values.view(groups, -1, 1),
            alpha=factor)


class Average(NamedTuple):
    """The mean over a kernel in each channel; zeros around count."""

    size: Tuple[int, int]
    stride: Tuple[int, int]
    padding: Tuple[int, int]

    def __call__(self, x: Tensor) -> Tensor:
        if self._pools(x):
            return F.avg_pool2d(x, self.size, self.stride, self.padding)
        return F.conv2d(x, self._kernel(x), None, *self._call(x))

    def backward(self, grad: Tensor, mask: list, x: Tensor) -> Pair:
        """Return the gradient of the features; see :class:`Convolution`."""
        if self._pools(x):
            return pool_backward(grad, x, *self), None
        return conv_backward(grad, x, self._kernel(x), self._call(x),
                             [True, False])

    def add_constant(self, total: Tensor, values: Tensor,
                     factor: float) -> None:
        """Add constant features; see :class:`Convolution`."""
        total.add_(values, alpha=factor)

    def _pools(self, x: Tensor) -> bool:
        """Return True where pooling is the faster of two ways."""
        return x.is_cuda or x.numel() <= SMALL

    def _call(self, x: Tensor) -> Call:
        return self.stride, self.padding, (1, 1), x.size(1)

    def _kernel(self, x: Tensor) -> Tensor:
        height, width = self.size
        value = x.new_full((), 1 / (height * width))
        return value.expand(x.size(1), 1, height, width)


Step = Union[Convolution, Average]


@made_once
def convolution(geometry: Geometry,
                size: Tuple[int, int],
                spread: int = 1) -> Optional[Convolution]:
    """Return the convolution of a kernel around a block's centre.

    Args:
        geometry: The block's geometry.
        size: Height and width of the kernel, in taps.
        spread: Its dilation as a multiple of the block's. Defaults to 1.

    Returns:
        The convolution, None if it has no equal zeros around the image.
    """
    own = geometry.smaller(size, spread)
    left, right, top, bottom = own.edges
    if not (0 <= left == right and 0 <= top == bottom):
        return None
    if any(own.edges) and own.padding_mode != 'zeros':
        return None
    return Convolution((own.stride, (top, left), own.dilation, own.groups))


@made_once
def average(geometry: Geometry) -> Optional[Average]:
    """Return the mean over a block's kernel, None if pooling cannot do it."""
    conv, size = convolution(geometry, geometry.kernel_size), (
        geometry.kernel_size)
    if conv is None or geometry.dilation != (1, 1):
        return None
    padding = conv.call[1]
    if any(2 * p > k for p, k in zip(padding, size)):
        return None
    return Average(size, geometry.stride, padding)


@made_once
def sees_all(geometry: Geometry) -> bool:
    """Return True if the centre of a kernel sees each pixel once, in order."""
    own = geometry.smaller((1, 1))
    return own.stride == (1, 1) and not any(own.edges)
