"""Checks for compilers and transforms that trace, in any PyTorch."""
import torch
from torch.autograd import forward_ad

try:
    from torch.compiler import is_compiling
except ImportError:  # PyTorch before 2.3 has it under another name
    from torch._utils import is_compiling

__all__ = ['is_batch_of_old', 'is_compiling', 'is_functional']


def is_functional() -> bool:
    """Return True while torch.func or forward-mode AD traces operations.

    They know the rules of PyTorch's own operations only.
    """
    return (forward_ad._current_level >= 0
            or torch._C._functorch.peek_interpreter_stack() is not None)


def is_batch_of_old(tensor: torch.Tensor) -> bool:
    """Return True for a batch of tensors that torch.autograd itself makes."""
    known = getattr(torch._C._functorch, 'is_legacy_batchedtensor', None)
    if known is not None:
        return known(tensor)
    # a PyTorch without a function for it
    return ' Batched' in torch._C._dispatch_key_set(tensor)
