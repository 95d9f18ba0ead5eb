"""Tell whether a compiler or a transform traces, in any PyTorch.

Uses: ``torch._C._functorch`` and the level of ``torch.autograd.forward_ad``,
which tell that torch.func and forward-mode AD run, and ``_orig_mod``, the
module inside the one that ``torch.compile`` returns. None of these has a
public name up to PyTorch 2.14. ``torch.compiler.is_compiling`` is public since
2.3.
"""
from functools import lru_cache, wraps
from typing import Any, Callable

import torch
from torch import nn
from torch.autograd import forward_ad

from .private import private

try:
    from torch.compiler import is_compiling
except ImportError:  # PyTorch before 2.3 has it under another name
    is_compiling = private('torch._utils.is_compiling', __name__,
                           'to know that a compiler traces')

__all__ = [
    'is_batch_of_old', 'is_compiling', 'is_functional', 'made_once',
    'without_compiler'
]

_functorch = private('torch._C._functorch', __name__,
                     'to know that torch.func transforms')
_interpreters = private('torch._C._functorch.peek_interpreter_stack', __name__,
                        'to know that torch.func transforms')


def made_once(function: Callable) -> Callable:
    """Keep the results of a function by its arguments.

    A compiler traces the function itself: it warns of a cache.

    Args:
        function: A function of hashable values that has no side effects.
    """
    cached = lru_cache(maxsize=None)(function)

    @wraps(function)
    def call(*args: Any) -> Any:
        return function(*args) if is_compiling() else cached(*args)

    return call


def is_functional() -> bool:
    """Return True if torch.func or forward-mode AD follows the operations.

    Both know the rules of PyTorch's own operations only.
    """
    return forward_ad._current_level >= 0 or _interpreters() is not None


def is_batch_of_old(tensor: torch.Tensor) -> bool:
    """Return True for a batch of tensors that torch.autograd itself makes."""
    known = getattr(_functorch, 'is_legacy_batchedtensor', None)
    if known is not None:
        return known(tensor)
    # older PyTorch has no name for it
    return ' Batched' in torch._C._dispatch_key_set(tensor)


def without_compiler(model: nn.Module) -> nn.Module:
    """Return the module that torch.compile wrapped, or the model itself.

    Args:
        model: Any module, wrapped or not.
    """
    while hasattr(model, '_orig_mod'):
        model = model._orig_mod
    return model
