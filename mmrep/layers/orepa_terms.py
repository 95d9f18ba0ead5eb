"""The terms of OREPA's sum: scaled branches and their gradients.

A term contracts one or several branches, with pure functions of tensors:

- ``add(total, scales, factors, scratch)`` adds the scaled branches in place;
- ``gradients(grad, scales, factors, scratch)`` gives the gradients of the
  scales and of the factors from that of the total.

Totals are kernels, (out_channels, in_channels / groups, height, width), or
(out_channels, taps, in_channels / groups) if a term says ``taps_first``: the
taps are the kernel's pixels, row by row, and None is a total of zeros. A scale
is (out_channels,).

Branches whose term ``joins`` are one term. The terms take turns in the
backward: :class:`Filters` reads the gradient with the taps first,
:class:`KernelPair` uses it up, then its memory is ``scratch``.
"""
import math
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple, Union

import torch
from torch import Tensor

from ..compat.compiling import is_functional
from .plain import memory_format

Tensors = Sequence[Tensor]
Gradients = Tuple[Tensors, List[Optional[Tensor]]]
JOINED = 4  # channels whose small products PerChannel makes as one


class Scratch:
    """Memory for results that are needed for a moment only.

    New memory costs a CPU more than the products that go there. All is new
    where autograd watches, as in the backward of a backward.

    Args:
        tensor: A contiguous tensor that may be overwritten. Defaults to None:
            all is new.
    """

    def __init__(self, tensor: Optional[Tensor] = None) -> None:
        self.flat = None if tensor is None else tensor.view(-1)

    def mul(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.mul(a, b, out=self._out(a.shape))

    def bmm(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.bmm(a, b, out=self._out((*a.shape[:2], b.size(2))))

    def _out(self, shape: Sequence[int]) -> Optional[Tensor]:
        size = math.prod(shape)
        if self.flat is None or is_watched() or size > len(self.flat):
            return None
        return self.flat[:size].view(shape)


@dataclass(frozen=True)
class KernelPair:
    """1x1, then a kernel of full size: one large product of matrices.

    Factors: (t, in_channels / groups, 1, 1), stored as the difference from the
    identity if ``from_identity``, and (out_channels, t / groups, height,
    width), which needs no copy if it is channels_last.
    """

    groups: int
    from_identity: bool
    taps_first, added, turn = True, 0, 1
    joins, uses_up = False, True

    def add(self, total: Optional[Tensor], scales: Tensors, factors: Tensors,
            scratch: Scratch) -> Tensor:
        first, second = self.matrices(factors)
        out = torch.bmm(second, first)
        out = out.view(len(factors[1]), -1, out.size(2))
        out = scaled_in_place(out, *scales)
        if total is None:
            return out
        return total + out if is_watched() else total.add_(out)

    def gradients(self, grad: Tensor, scales: Tensors, factors: Tensors,
                  scratch: Scratch) -> Gradients:
        first, second = self.matrices(factors)
        rows = grad.view(self.groups, -1, grad.size(2))
        found = torch.bmm(rows, first.transpose(1, 2))
        rows = scaled_in_place(grad, *scales).view_as(rows)
        of_first = torch.bmm(second.transpose(1, 2), rows)
        of_scale = dots(
            found.view(len(grad), -1), second.reshape(len(grad), -1), scratch)
        out_channels, width, *size = factors[1].shape
        of_second = found.view(out_channels, *size, width)
        # vmap knows one layout only
        layout = torch.contiguous_format if is_functional() else memory_format(
            factors[1])
        of_second = scaled_in_place(of_second, *scales).permute(
            0, 3, 1, 2).contiguous(memory_format=layout)
        return [of_scale], [of_first.view_as(factors[0]), of_second]

    def matrices(self, factors: Tensors) -> Tuple[Tensor, Tensor]:
        """Return the factors as matrices.

        They are (groups, t, in) and (groups, out * taps, t), with the channels
        of one group.
        """
        first, second = factors
        width = second.size(1)
        first = first.view(self.groups, width, -1)
        if self.from_identity:
            size = first.size(2)
            eye = torch.eye(size, device=first.device).to(first.dtype)
            first = first + eye.repeat(width // size, 1)
        second = second.permute(0, 2, 3, 1).reshape(self.groups, -1, width)
        return first, second


@dataclass(frozen=True)
class Filters:
    """1x1 kernels, each put on the taps by one filter per output channel.

    Factors: weights (out_channels, in_channels / groups, 1, 1), then as many
    filters (out_channels, 1, height, width), which are constant.
    """

    taps_first, added, turn = True, 1, 0
    joins, uses_up = True, False

    def add(self, total: Optional[Tensor], scales: Tensors, factors: Tensors,
            scratch: Scratch) -> Tensor:
        weights, filters = self.matrices(factors)
        filters = filters * torch.stack(scales, 1)[:, None]
        if total is None:
            return torch.bmm(filters, weights)
        if is_watched():
            return total.baddbmm(filters, weights)
        return total.baddbmm_(filters, weights)

    def gradients(self, grad: Tensor, scales: Tensors, factors: Tensors,
                  scratch: Scratch) -> Gradients:
        weights, filters = self.matrices(factors)
        found = torch.bmm(filters.transpose(1, 2), grad)
        of_scales = (found * weights).sum(2).unbind(1)
        of_weights = [
            scaled(part, scale)[:, :, None, None]
            for part, scale in zip(found.unbind(1), scales)
        ]
        return of_scales, of_weights + [None] * len(scales)

    @staticmethod
    def matrices(factors: Tensors) -> Tuple[Tensor, Tensor]:
        """Return (out, branches, in) and (out, taps, branches)."""
        half = len(factors) // 2
        weights = torch.stack([w.flatten(1) for w in factors[:half]], 1)
        return weights, torch.stack([f.flatten(1) for f in factors[half:]], 2)


@dataclass(frozen=True)
class PerChannel:
    """Depthwise, then 1x1: a small product of matrices per input channel.

    Some channels make one larger product, of matrices with blocks of zeros:
    that takes less time than several small ones.

    Factors: (in_channels * m, 1, height, width) and (out_channels,
    in_channels * m / groups, 1, 1).
    """

    groups: int
    in_channels: int
    taps_first, added, turn = False, 2, 2
    joins, uses_up = False, False

    def add(self, total: Tensor, scales: Tensors, factors: Tensors,
            scratch: Scratch) -> Tensor:
        depthwise, pointwise = factors
        out = scratch.bmm(self.joined(pointwise), self.blocks(depthwise))
        # (groups, blocks, out per group, joined, height, width)
        rows = total.unflatten(0, (self.groups, -1)).unflatten(
            2, (-1, self.width)).transpose(1, 2)
        scale = scales[0].view(self.groups, 1, -1, 1, 1, 1)
        if not is_watched():
            rows.addcmul_(out.view(rows.shape), scale)
            return total
        rows = rows.addcmul(out.view(rows.shape), scale)
        return rows.transpose(1, 2).reshape(total.shape)

    def gradients(self, grad: Tensor, scales: Tensors, factors: Tensors,
                  scratch: Scratch) -> Gradients:
        depthwise, pointwise = factors
        grad = self.joined(grad)
        found = scratch.bmm(grad, self.blocks(depthwise).transpose(1, 2))
        found = found.unflatten(0, (self.groups, -1)).transpose(1, 2)
        found = found.clone(memory_format=torch.contiguous_format)
        found = found.view(pointwise.shape)
        of_scale = dots(found, pointwise, scratch)
        mix = scratch.mul(pointwise, column(scales[0], pointwise))
        of_blocks = torch.bmm(self.joined(mix).transpose(1, 2), grad)
        return [of_scale], [
            self.diagonal(of_blocks, depthwise),
            scaled_in_place(found, *scales)
        ]

    def joined(self, kernel: Tensor) -> Tensor:
        """Reshape a kernel (out, in per group, ...) to joined channels.

        The result is (blocks, out per group, entries).
        """
        kernel = kernel.flatten(1).unflatten(0, (self.groups, -1))
        blocks = self.in_channels // self.groups // self.width
        return kernel.unflatten(2, (blocks, -1)).transpose(1, 2).flatten(0, 1)

    def blocks(self, depthwise: Tensor) -> Tensor:
        """Return matrices with blocks on their diagonals.

        They are (blocks, joined * m, joined * taps), zero elsewhere.
        """
        parts = depthwise.reshape(-1, self.width,
                                  len(depthwise) // self.in_channels,
                                  depthwise[0].numel())
        if self.width == 1:
            return parts.flatten(1, 2)
        blocks = torch.diag_embed(parts.permute(0, 2, 3, 1), dim1=1, dim2=3)
        return blocks.flatten(3).flatten(1, 2)

    def diagonal(self, blocks: Tensor, depthwise: Tensor) -> Tensor:
        """Invert :meth:`blocks`."""
        width = self.width
        if width == 1:
            return blocks.reshape(depthwise.shape)
        parts = blocks.unflatten(2, (width, -1)).unflatten(1, (width, -1))
        parts = parts.diagonal(dim1=1, dim2=3).permute(0, 3, 1, 2)
        return parts.reshape(depthwise.shape)

    @property
    def width(self) -> int:
        """Number of channels that are joined, which takes more operations."""
        return math.gcd(self.in_channels // self.groups, JOINED)


Term = Union[KernelPair, Filters, PerChannel]


def scaled(tensor: Tensor, scale: Tensor) -> Tensor:
    """Scale the output channels, which come first."""
    return tensor * column(scale, tensor)


def scaled_in_place(tensor: Tensor, scale: Tensor) -> Tensor:
    """Scale a tensor in place, which only a second backward may need."""
    if is_watched():
        return scaled(tensor, scale)
    return tensor.mul_(column(scale, tensor))


def is_watched() -> bool:
    """Return True if autograd or a transform needs all tensors new."""
    return torch.is_grad_enabled() or is_functional()


def dots(a: Tensor, b: Tensor, scratch: Scratch) -> Tensor:
    """Sum the products of each output channel's entries."""
    return scratch.mul(a, b).flatten(1).sum(1)


def column(scale: Tensor, tensor: Tensor) -> Tensor:
    """Return a scale with as many dimensions as the tensor."""
    return scale.view(-1, *[1] * (tensor.dim() - 1))
