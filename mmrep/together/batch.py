"""Tensors of several blocks as one tensor."""
from typing import Optional, Sequence

import torch
from torch import Tensor


class Batch:
    """Tensors of one shape, stacked, or of one dimension, in a row.

    Args:
        tensors: The tensors.
        is_flat: True to put them one behind the other.

    Attributes:
        wanted: True if one of them has a gradient.
    """

    def __init__(self,
                 tensors: Sequence[Tensor],
                 is_flat: bool = False) -> None:
        self.tensors = list(tensors)
        self.sizes = list(map(len, self.tensors)) if is_flat else None
        self.wanted = any(t.requires_grad for t in self.tensors)

    def of(self, tensors: Sequence[Tensor]) -> Tensor:
        """Return tensors like these as one contiguous tensor."""
        if self.sizes is not None:
            return torch.cat(tensors)
        return stack(tensors)

    def parts(self, batch: Optional[Tensor]) -> Sequence[Optional[Tensor]]:
        """Return the tensors in a batch, as views of it."""
        if batch is None:
            return [None] * len(self.tensors)
        if self.sizes is not None:
            return batch.split(self.sizes)
        return batch.unbind()


def stack(tensors: Sequence[Tensor]) -> Tensor:
    """Return tensors as a contiguous batch, which may share their memory."""
    there = [t if t.is_contiguous() else t.contiguous() for t in tensors]
    return torch.stack(there) if len(there) > 1 else there[0][None]
