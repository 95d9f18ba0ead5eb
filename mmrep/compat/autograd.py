"""Facts that only autograd knows: writes to a tensor, a running backward.

Uses: ``Tensor._version``, which autograd counts up at each write in place,
``torch._C._current_graph_task_id``, which PyTorch's own activation
checkpointing uses, and
``torch._C._autograd._top_saved_tensors_default_hooks``, which tells that
something packs what autograd saves; PyTorch before 2.5 lacks it. None of these
has a public name up to PyTorch 2.14.
"""
from operator import attrgetter

import torch

from .private import private

_graph_task = private('torch._C._current_graph_task_id', __name__,
                      'to know a forward that is run again in the backward')
_hooks = getattr(torch._C._autograd, '_top_saved_tensors_default_hooks',
                 lambda ignore_is_tracing: True)
# the number of writes in place; inference tensors raise a RuntimeError
version_of = attrgetter('_version')


def is_in_backward() -> bool:
    """Return True if a backward pass runs now, in this thread."""
    return _graph_task() != -1


def may_run_again() -> bool:
    """Return True if the forward that runs now may be repeated later.

    Activation checkpointing runs it without gradients, or with hooks on the
    tensors that autograd saves. Also True where PyTorch does not tell.
    """
    return not torch.is_grad_enabled() or _hooks(True) is not None
