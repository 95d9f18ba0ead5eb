"""The pixels that a convolution sees: an image with edges, tap by tap.

This does without the package, since the package is compared with it.
"""
from typing import NamedTuple, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

Pair = Tuple[int, int]


class Look(NamedTuple):
    """The positions of a kernel's taps.

    ``edges`` are the pixels before and behind the image, for each axis.
    """

    size: Pair
    stride: Pair
    dilation: Pair
    groups: int
    edges: Tuple[Pair, Pair]
    mode: str

    @classmethod
    def of(cls, kernel_size, stride, padding, dilation, groups, padding_mode,
           **_) -> 'Look':
        """Return the look of nn.Conv2d's arguments, all of two numbers."""
        spans = [(k - 1) * d for k, d in zip(kernel_size, dilation)]
        edges = {
            'valid': ((0, 0), (0, 0)),
            'same': tuple((s // 2, s - s // 2) for s in spans)
        }.get(padding) or tuple((p, p) for p in padding)
        return cls(kernel_size, stride, dilation, groups, edges, padding_mode)

    def inside(self, **changes) -> 'Look':
        """Return the look of a convolution of an image that has its edges."""
        return self._replace(edges=((0, 0), (0, 0)), mode='zeros', **changes)

    @property
    def centre(self) -> Pair:
        return tuple((size - 1) // 2 for size in self.size)

    def pad(self, x: Tensor) -> Tensor:
        """Return the image with its edges, by the index of each pixel."""
        for axis, (before, behind) in zip((-2, -1), self.edges):
            size = x.size(axis)
            index = torch.arange(-before, size + behind)
            there = (index >= 0) & (index < size)
            x = x.index_select(axis, self._fold(index, size))
            if self.mode == 'zeros':
                keep = there if axis == -1 else there[:, None]
                x = torch.where(keep, x, x.new_zeros(()))
        return x

    def _fold(self, index: Tensor, size: int) -> Tensor:
        if self.mode == 'circular':
            return index % size
        if self.mode == 'reflect' and size > 1:
            index = index % (2 * size - 2)
            return torch.minimum(index, 2 * size - 2 - index)
        return index.clamp(0, size - 1)

    def outputs(self, image: Tensor) -> Pair:
        """Return height and width of a convolution's output, in pixels."""
        return tuple((n - (k - 1) * d - 1) // s + 1 for n, k, d, s in zip(
            image.shape[-2:], self.size, self.dilation, self.stride))


def tap(image: Tensor, look: Look, row: int, column: int) -> Tensor:
    """Return the pixels that one tap of the kernel sees."""
    height, width = look.outputs(image)
    image = image[:, :, row * look.dilation[0]:, column * look.dilation[1]:]
    image = image[:, :, ::look.stride[0], ::look.stride[1]]
    return image[:, :, :height, :width]


def conv(image: Tensor, weight: Tensor, look: Look, spread: int = 1) -> Tensor:
    """Convolve with a kernel, no larger than the look's, at its centre."""
    height, width = look.outputs(image)
    size = weight.shape[2:]
    top, left = [(c - (k - 1) * spread // 2) * d
                 for c, k, d in zip(look.centre, size, look.dilation)]
    dilation = [d * spread for d in look.dilation]
    out = F.conv2d(image[:, :, top:, left:], weight, None, look.stride, 0,
                   dilation, look.groups)
    return out[:, :, :height, :width]


def mean(image: Tensor, look: Look) -> Tensor:
    """Return the mean over all taps, channel by channel."""
    height, width = look.size
    taps = [
        tap(image, look, row, column) for row in range(height)
        for column in range(width)
    ]
    return sum(taps) / len(taps)
