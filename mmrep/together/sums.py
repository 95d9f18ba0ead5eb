"""The kernels of OREPA blocks that are alike, in few operations.

Section 3.3 of the paper: ``kernel = sum_b scale[b] * kernel_b``, here for many
blocks: see :mod:`mmrep.layers.orepa_sum` for one.
"""
from itertools import islice
from typing import Callable, Iterator, List, Optional, Sequence, Tuple

import torch
from torch import Tensor

from ..layers import OREPAConv2d, RepConv2d
from .alike import own_tensors
from .scales import arranged, dots, scaled
from .summands import KNOWN, summand_of

Columns = List[List[Tensor]]


class Given:
    """The arguments of :class:`Sums` by what they are."""

    def __init__(self, sums: 'Sums', batches: Sequence[Tensor]) -> None:
        each = iter(batches)
        self.weight = next(each)
        self.bias = next(each) if sums.has_bias else None
        self.scale = next(each) if sums.has_scale else None
        self.factors = [list(islice(each, 2)) for _ in sums.parts]


class Sums:
    """The kernels of OREPA blocks that are alike, all at once.

    Its arguments are batches of :func:`columns_of` the blocks.

    Args:
        block: One of the blocks.
    """

    def __init__(self, block: OREPAConv2d) -> None:
        parts = block.plan()
        self.parts = [summand_of(part.term, len(part.names)) for part in parts]
        self.has_bias = block.bias is not None
        self.has_scale = block.scale is not None
        self.scales_origin = self.has_scale and 'origin' in block.names
        # rows of the scales begin with the origin's
        skipped = 0 if 'origin' in block.names else 1
        self.rows = [[row - skipped for row in part.rows] for part in parts]
        self.index = {
            tuple(rows): torch.tensor(rows, device=block.origin.device)
            for rows in self.rows
        }
        self.is_last = is_last(block.origin)

    def __call__(self, *batches: Tensor) -> Tuple[Tensor, ...]:
        """Return the weights, and the biases if there are any."""
        given = Given(self, batches)
        weight, total = given.weight, None
        for part, scale, factors in self._each(given, True):
            total = part.add(total, scale, *factors)
        kernel = scaled(weight, self._of_origin(given))
        if total is not None:
            total = total.unflatten(2, weight.shape[3:])
            kernel = self._plus(total.permute(0, 1, 4, 2, 3), given)
        kernel = kernel.flatten(3)
        for part, scale, factors in self._each(given, False):
            kernel = part.add(kernel, scale, *factors)
        kernel = laid_out(kernel.view(weight.shape), self.is_last)
        return (kernel, ) if given.bias is None else (kernel, given.bias)

    def _plus(self, total: Tensor, given: Given) -> Tensor:
        """Return a total plus the weights, as a contiguous tensor."""
        scale = self._of_origin(given)
        if scale is None:
            return (total + given.weight).contiguous()
        scale = scale[:, 0, :, None, None, None]
        return torch.addcmul(total, given.weight, scale).contiguous()

    def pull(self, *tensors: Tensor) -> List[Optional[Tensor]]:
        """Return the gradients of batches, None for constants.

        Args:
            tensors: The batches, then the gradients of what they make.
        """
        count = 2 if self.has_bias else 1
        given = Given(self, tensors[:-count])
        grad, *of_bias = tensors[-count:]
        grad = grad.contiguous()
        origin = self._of_origin(given)
        of_rows = dict(enumerate(dots(grad, given.weight, origin)))
        of_weight = scaled(grad, origin)
        of_factors = self._pull_parts(grad, given, of_rows)
        of_scale = []
        if self.has_scale:
            rows = [of_rows[row] for row in sorted(of_rows)]
            of_scale = [torch.stack(rows, 1)]
        return [of_weight, *of_bias, *of_scale, *of_factors]

    def pulled(self, wanted: Sequence[bool]) -> Callable[..., List[Tensor]]:
        """Return :meth:`pull` for the wanted batches alone."""

        def pull(*tensors: Tensor) -> List[Tensor]:
            return [
                g for g, needed in zip(self.pull(*tensors), wanted) if needed
            ]

        return pull

    def _pull_parts(self, grad: Tensor, given: Given,
                    of_rows: dict) -> List[Optional[Tensor]]:
        """Return the gradients of factors; add those of scales by row."""
        taps_first = arranged(grad.flatten(3), 0, 1, 3, 2)
        found: List[Optional[Tensor]] = []
        for part, rows, factors in zip(self.parts, self.rows, given.factors):
            of_scale, of_factors = part.gradients(
                taps_first if part.taps_first else grad.flatten(3),
                self._scale(given, rows), *factors)
            found += of_factors
            of_rows.update(zip(rows, of_scale))
        return found

    def _each(self, given: Given, taps_first: bool) -> Iterator[tuple]:
        """Yield parts of this kind with their scales and factors."""
        for part, rows, factors in zip(self.parts, self.rows, given.factors):
            if part.taps_first == taps_first:
                yield part, self._scale(given, rows), factors

    def _of_origin(self, given: Given) -> Optional[Tensor]:
        return given.scale[:, :1] if self.scales_origin else None

    def _scale(self, given: Given, rows: List[int]) -> Optional[Tensor]:
        """Return rows of the scales, (blocks, rows, out_channels or 1)."""
        if given.scale is None:
            return None
        first, last = rows[0], rows[-1]
        if rows == list(range(first, last + 1)):
            return given.scale[:, first:last + 1]
        return given.scale.index_select(1, self.index[tuple(rows)])


def columns_of(block: RepConv2d) -> Columns:
    """Return the tensors of a block that are batches of alike blocks.

    Those in one column have the same shape and are one batch. An OREPA block
    has them as :class:`Sums` takes them, any other one each by itself.
    """
    if is_sum(block):
        return _summed(block)
    return [[tensor] for tensor in own_tensors(block).values()]


def is_sum(block: RepConv2d) -> bool:
    """Return True if :class:`Sums` makes the kernels of such blocks."""
    kind = type(block)
    if not isinstance(block, OREPAConv2d) or not block.plan() or (
            kind.merge is not OREPAConv2d.merge
            or kind.kernel is not RepConv2d.kernel):
        return False
    if not all(type(part.term) in KNOWN for part in block.plan()):
        return False  # somebody else's term may do anything
    used = [id(t) for column in _summed(block) for t in column]
    return sorted(used) == sorted(map(id, own_tensors(block).values()))


def _summed(block: OREPAConv2d) -> Columns:
    first = (block.weight, block.bias, block.scale)
    columns = [[t] for t in first if t is not None]
    for part in block.plan():
        factors = [block.branches[name].term_factors() for name in part.names]
        columns += [list(column) for column in zip(*factors)]
    return columns


def is_last(weight: Tensor) -> bool:
    """Return True if a weight's channels come last, also in a 1x1."""
    return weight.size(1) > 1 and weight.stride(1) == 1 and (weight.stride(3)
                                                             == weight.size(1))


def laid_out(weights: Tensor, is_last: bool) -> Tensor:
    """Return a batch of weights in the layout of a weight.

    Other strides would let convolutions change the layout of features.
    """
    if not is_last:
        return _dense(weights)
    return _dense(weights.permute(0, 1, 3, 4, 2)).permute(0, 1, 4, 2, 3)


def _dense(tensor: Tensor) -> Tensor:
    """Return a tensor with its entries in order, also where a size is one."""
    return tensor.reshape(len(tensor), -1).view(tensor.shape)
