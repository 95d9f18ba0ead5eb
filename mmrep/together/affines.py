"""The affine maps of all norms in eval mode, in a few operations."""
from typing import List, Sequence

import torch
from torch import Tensor, nn

from .alike import eps_of
from .group import Slots, Values, add


class Affines:
    """``scale = weight / sqrt(var + eps)``, ``shift = bias - mean * scale``.

    Args:
        norms: Norms in rows; each row becomes a batch of scales and one of
            shifts.
        columns: Places of the means, variances, weights and biases of all
            norms, one after the other.
        values: A list with their values. The batches are added: a scale and a
            shift for each row.
    """

    def __init__(self, norms: Sequence[List[nn.Module]], columns: List[Slots],
                 values: Values) -> None:
        self.columns, self.start = columns, len(values)
        self.rows = [(len(row), len(row[0].running_mean)) for row in norms]
        flat = [norm for row in norms for norm in row]
        self.sizes = [len(norm.running_mean) for norm in flat]
        like = flat[0].running_mean
        eps = torch.tensor([eps_of(norm) for norm in flat])
        self.eps = eps.to(like).repeat_interleave(
            torch.tensor(self.sizes, device=like.device))
        self.wanted = any(
            t.requires_grad for norm in flat for t in (norm.weight, norm.bias))
        values += [None] * 2 * len(self.rows)
        self.run(values)

    def run(self, values: Values) -> None:
        """Put the scales and shifts in their places."""
        mean, var, weight, bias = self._flat(values)
        scale = (var + self.eps).rsqrt() * weight
        shift = bias - mean * scale
        values[self.start:self.start + 2 * len(self.rows):2] = self._rows(scale)
        values[self.start + 1:self.start + 2 * len(self.rows):2] = self._rows(
            shift)

    def pull(self, values: Values, grads: Values) -> None:
        """Add the gradients of weights and biases to those that are there."""
        end = self.start + 2 * len(self.rows)
        mine = grads[self.start:end]
        if not self.wanted or all(grad is None for grad in mine):
            return
        mine = [
            torch.zeros_like(value) if grad is None else grad
            for grad, value in zip(mine, values[self.start:end])
        ]
        of_scale, of_shift = [
            torch.cat([each.flatten() for each in mine[i::2]]) for i in (0, 1)
        ]
        mean, var, *_ = self._flat(values)
        of_weight = (of_scale - of_shift * mean) * (var + self.eps).rsqrt()
        for slots, grad in zip(self.columns[2:], (of_weight, of_shift)):
            for slot, part in zip(slots, grad.split(self.sizes)):
                add(grads, slot, part)

    def _flat(self, values: Values) -> List[Tensor]:
        """Return the means, variances, weights and biases of all norms."""
        return [torch.cat([values[s] for s in col]) for col in self.columns]

    def _rows(self, flat: Tensor) -> List[Tensor]:
        parts = flat.split([count * width for count, width in self.rows])
        return [p.view(size) for p, size in zip(parts, self.rows)]
