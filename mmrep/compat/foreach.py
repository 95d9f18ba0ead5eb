"""Operations on lists of tensors that launch few kernels.

Uses: ``torch._foreach_copy_`` and ``torch._foreach_mul``, which PyTorch's own
optimizers and FSDP use. They have no public names up to PyTorch 2.14; version
2.1 has no ``_foreach_copy_`` for all types.
"""
from typing import List, Sequence

from torch import Tensor

from .private import private

_copy = private('torch._foreach_copy_', __name__, 'to load batches')
_mul = private('torch._foreach_mul', __name__, 'to copy gradients')


def copy_all(targets: Sequence[Tensor], sources: Sequence[Tensor]) -> None:
    """Copy each tensor into another one of its shape."""
    _copy(list(targets), list(sources))


def copies_of(tensors: Sequence[Tensor]) -> List[Tensor]:
    """Return a copy of each tensor."""
    return list(_mul(list(tensors), 1))
