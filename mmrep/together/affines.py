"""The affine maps of all norms in eval mode, in a few operations."""
from typing import List, NamedTuple, Optional, Sequence

import torch
from torch import Tensor, nn

from .alike import eps_of
from .group import Values, filled
from .operations import Kept


class Maps(NamedTuple):
    """The slopes, scales and shifts of all norms, and those of each row."""

    slope: Tensor
    scale: Tensor
    shift: Tensor
    rows: List[Tensor]


class Affines:
    """``scale = weight / sqrt(var + eps)``, ``shift = bias - mean * scale``.

    Args:
        norms: Norms in rows; each row becomes a batch of scales and one of
            shifts.
        columns: Places of the means, variances, weights and biases of all
            norms, one after the other.
        values: A list with their values. The batches are added: a scale and a
            shift for each row.

    Attributes:
        start: The place of the first row's scale.
    """

    def __init__(self, norms: Sequence[Sequence[nn.Module]],
                 columns: Sequence[int], values: Values) -> None:
        self.columns, self.start = columns, len(values)
        flat = [norm for row in norms for norm in row]
        sizes = [len(norm.running_mean) for norm in flat]
        self.sizes = [(len(row), len(row[0].running_mean)) for row in norms]
        eps = torch.tensor([eps_of(norm) for norm in flat],
                           dtype=torch.float64)  # as Python has it
        eps = eps.repeat_interleave(torch.tensor(sizes))
        self.eps = eps.to(values[columns[0]])
        self.is_felt = any(
            t.requires_grad for norm in flat for t in (norm.weight, norm.bias))
        values += [None] * 2 * len(self.sizes)
        self.run(values)

    @property
    def end(self) -> int:
        """The place behind the last row's shift."""
        return self.start + 2 * len(self.sizes)

    def run(self, values: Values, kept: Optional[Kept] = None) -> None:
        """Put the scales and shifts in their places.

        Args:
            values: All values.
            kept: What stays in memory with the batches, if they do: the rows
                then lie where they lay in the last call.
        """
        mean, var, weight, bias = [values[place] for place in self.columns]
        if kept is None:
            scale = (var + self.eps).rsqrt() * weight
            rows = self._rows(scale, bias - mean * scale)
        else:
            maps = kept.get(self) or self._new(var)
            kept[self] = maps
            torch.rsqrt(var + self.eps, out=maps.slope)
            torch.mul(maps.slope, weight, out=maps.scale)
            torch.addcmul(bias, mean, maps.scale, value=-1, out=maps.shift)
            rows = maps.rows
        values[self.start:self.end] = rows

    def _new(self, like: Tensor) -> Maps:
        with torch.inference_mode(False):
            slope, scale, shift = [torch.empty_like(like) for _ in range(3)]
        return Maps(slope, scale, shift, self._rows(scale, shift))

    def pull(self,
             values: Values,
             grads: Values,
             kept: Optional[Kept] = None) -> None:
        """Add the gradients of weights and biases to those that are there.

        Args:
            values: All values.
            grads: Gradients of all values, None for those without.
            kept: See :meth:`run`, which has made the maps.
        """
        shapes = [size for size in self.sizes for _ in range(2)]
        mine = filled(grads[self.start:self.end], shapes)
        if not self.is_felt or not mine:
            return
        of_scale, of_shift = [
            torch.cat([each.flatten() for each in mine[i::2]]) for i in (0, 1)
        ]
        mean, var, *_ = [values[place] for place in self.columns]
        slope = kept[self].slope if kept else (var + self.eps).rsqrt()
        grads[self.columns[2]] = (of_scale - of_shift * mean) * slope
        grads[self.columns[3]] = of_shift

    def _rows(self, scale: Tensor, shift: Tensor) -> List[Tensor]:
        """Return a scale and a shift for each row of norms."""
        sizes = [count * width for count, width in self.sizes]
        return [
            part.view(size) for parts, size in zip(
                zip(scale.split(sizes), shift.split(sizes)), self.sizes)
            for part in parts
        ]
