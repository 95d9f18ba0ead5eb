"""The terms of OREPA's sum for many blocks at once.

They contract what :mod:`mmrep.layers.orepa_terms` does, with a dimension for
the blocks in front, and in as few operations as a host can ask for. Each has

- ``add(total, scale, *factors)``, which adds the scaled branches, and
- ``gradients(grad, scale, *factors)``, which gives the gradients of the
  scales and of the factors from that of the total.

A total is (blocks, out_channels, taps, in_channels / groups) if a term says
``taps_first``, else (blocks, out_channels, in_channels / groups, taps). A
scale is (blocks, branches, out_channels or 1), or None. A product that
:func:`arranged` puts in another order is written there at once by a trace, see
:func:`mmrep.together.views.place_results`.
"""
from typing import List, Optional, Tuple

import torch
from torch import Tensor

from ..layers.orepa_terms import Filters, KernelPair, PerChannel, Term
from .scales import arranged, dots, scaled

KNOWN = (Filters, KernelPair, PerChannel)  # terms that are here, too
Gradients = Tuple[List[Tensor], List[Optional[Tensor]]]


class Pairs:
    """1x1 kernels, then kernels of full size, see :class:`KernelPair`.

    Factors: (blocks, t, in_channels / groups, 1, 1) and (blocks,
    out_channels, t / groups, height, width).
    """

    taps_first = True

    def __init__(self, term: KernelPair) -> None:
        self.term = term

    def add(self, total: Optional[Tensor], scale: Optional[Tensor],
            first: Tensor, second: Tensor) -> Tensor:
        out = self._product(
            self._rows(scaled(second, scale)), self._matrices(first))
        out = out.view(*second.shape[:2], -1, out.size(2))
        return out if total is None else total + out

    def gradients(self, grad: Tensor, scale: Optional[Tensor], first: Tensor,
                  second: Tensor) -> Gradients:
        rows = grad.reshape(len(first) * self.term.groups, -1, grad.size(3))
        found = self._product(rows, self._matrices(first).transpose(1, 2))
        blocks, out_channels, width, *size = second.shape
        found = found.view(blocks, out_channels, *size, width)
        found = found.permute(0, 1, 4, 2, 3)
        mine = self._rows(scaled(second, scale))
        of_first = torch.bmm(mine.transpose(1, 2), rows).view(first.shape)
        return dots(found, second,
                    scale), [of_first,
                             scaled(found, scale).contiguous()]

    def _rows(self, second: Tensor) -> Tensor:
        """Return (blocks * groups, out per group * taps, t / groups)."""
        rows = arranged(second, 0, 1, 3, 4, 2)
        return rows.view(len(second) * self.term.groups, -1, second.size(2))

    def _matrices(self, first: Tensor) -> Tensor:
        """Return (blocks * groups, t / groups, in_channels / groups)."""
        width, size = first.size(1) // self.term.groups, first.size(2)
        first = first.view(-1, width, size)
        if self.term.from_identity and width != size:
            eye = torch.eye(size, dtype=first.dtype, device=first.device)
            first = first + eye.repeat(width // size, 1)
        return first

    def _product(self, rows: Tensor, first: Tensor) -> Tensor:
        """Return rows times the first kernels, the identity included."""
        if self.term.from_identity and first.size(1) == first.size(2):
            return torch.baddbmm(rows, rows, first)
        return torch.bmm(rows, first)


class Filtered:
    """1x1 kernels, each put on the taps by one filter per output channel.

    Factors: weights (blocks * branches, out_channels, in_channels / groups,
    1, 1) and filters (blocks * branches, out_channels, 1, height, width).
    """

    taps_first = True

    def __init__(self, branches: int) -> None:
        self.branches = branches

    def add(self, total: Optional[Tensor], scale: Optional[Tensor],
            weights: Tensor, filters: Tensor) -> Tensor:
        weights, taps = self._apart(weights), self._taps(filters)
        blocks, _, out_channels, width = weights.shape
        weights = arranged(scaled(weights, scale, 2), 0, 2, 1, 3)
        weights = weights.view(-1, self.branches, width)
        if total is None:
            out = torch.bmm(taps, weights)
        else:
            out = torch.baddbmm(
                total.view(-1, *total.shape[2:]), taps, weights)
        return out.view(blocks, out_channels, -1, width)

    def gradients(self, grad: Tensor, scale: Optional[Tensor], weights: Tensor,
                  filters: Tensor) -> Gradients:
        taps, whole = self._taps(filters), weights.shape
        weights = self._apart(weights)
        blocks, _, out_channels, width = weights.shape
        found = torch.bmm(
            taps.transpose(1, 2), grad.reshape(-1, grad.size(2), width))
        found = found.view(blocks, out_channels, self.branches, width)
        found = found.transpose(1, 2)
        of_weights = scaled(found, scale, 2).contiguous().view(whole)
        return dots(found, weights, scale, 2), [of_weights, None]

    def _apart(self, weights: Tensor) -> Tensor:
        """Return (blocks, branches, out_channels, in_channels / groups)."""
        return weights.view(-1, self.branches, *weights.shape[1:3])

    def _taps(self, filters: Tensor) -> Tensor:
        """Return (blocks * out_channels, taps, branches)."""
        filters = filters.view(-1, self.branches, filters.size(1),
                               filters[0, 0].numel())
        return arranged(filters, 0, 2, 3, 1).flatten(0, 1)


class Separable:
    """Depthwise, then 1x1, see :class:`PerChannel`.

    Factors: (blocks, in_channels * m, 1, height, width) and (blocks,
    out_channels, in_channels * m / groups, 1, 1).
    """

    taps_first = False

    def __init__(self, term: PerChannel) -> None:
        self.groups, self.in_channels = term.groups, term.in_channels

    def add(self, total: Tensor, scale: Optional[Tensor], depthwise: Tensor,
            pointwise: Tensor) -> Tensor:
        mix = scaled(pointwise.view(total.shape[:3] + (-1, )), scale)
        out = torch.bmm(self._channels(mix), self._filters(depthwise))
        return total + self._back(out, total.shape)

    def gradients(self, grad: Tensor, scale: Optional[Tensor],
                  depthwise: Tensor, pointwise: Tensor) -> Gradients:
        apart = pointwise.view(grad.shape[:3] + (-1, ))
        grad = self._channels(grad)
        found = torch.bmm(grad, self._filters(depthwise).transpose(1, 2))
        found = self._back(found, apart.shape)
        mix = self._channels(scaled(apart, scale))
        of_depthwise = torch.bmm(mix.transpose(1, 2), grad)
        return dots(found, apart, scale), [
            of_depthwise.view(depthwise.shape),
            scaled(found, scale).contiguous().view(pointwise.shape)
        ]

    def _channels(self, kernels: Tensor) -> Tensor:
        """Return a matrix (out per group, entries) per input channel."""
        kernels = kernels.unflatten(1, (self.groups, -1))
        return arranged(kernels, 0, 1, 3, 2, 4).flatten(0, 2)

    def _back(self, matrices: Tensor, shape: tuple) -> Tensor:
        """Invert :meth:`_channels`."""
        matrices = matrices.view(shape[0], self.groups, shape[2], -1, shape[3])
        return matrices.transpose(2, 3).flatten(1, 2)

    def _filters(self, depthwise: Tensor) -> Tensor:
        """Return a matrix (m, taps) per input channel."""
        return depthwise.view(
            len(depthwise) * self.in_channels, -1, depthwise[0, 0].numel())


def summand_of(term: Term, branches: int):
    """Return the term for many blocks.

    Args:
        term: A term of one block.
        branches: The number of its branches.
    """
    if isinstance(term, Filters):
        return Filtered(branches)
    return Pairs(term) if isinstance(term, KernelPair) else Separable(term)
