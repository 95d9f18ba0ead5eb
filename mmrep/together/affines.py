"""The affine maps of all norms in eval mode, in a few operations."""
from typing import List, Optional, Sequence

import torch
from torch import Tensor, nn

from .alike import eps_of
from .group import Values, filled
from .operations import Kept


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
        """Put the scales and shifts in their places."""
        mean, var, weight, bias = [values[place] for place in self.columns]
        scale = (var + self.eps).rsqrt() * weight
        shift = bias - mean * scale
        values[self.start:self.end:2] = self._rows(scale)
        values[self.start + 1:self.end:2] = self._rows(shift)

    def pull(self,
             values: Values,
             grads: Values,
             kept: Optional[Kept] = None) -> None:
        """Add the gradients of weights and biases to those that are there."""
        shapes = [size for size in self.sizes for _ in range(2)]
        mine = filled(grads[self.start:self.end], shapes)
        if not self.is_felt or not mine:
            return
        of_scale, of_shift = [
            torch.cat([each.flatten() for each in mine[i::2]]) for i in (0, 1)
        ]
        mean, var, *_ = [values[place] for place in self.columns]
        of_scale = of_scale - of_shift * mean
        grads[self.columns[2]] = of_scale * (var + self.eps).rsqrt()
        grads[self.columns[3]] = of_shift

    def _rows(self, flat: Tensor) -> List[Tensor]:
        parts = flat.split([count * width for count, width in self.sizes])
        return [part.view(size) for part, size in zip(parts, self.sizes)]
