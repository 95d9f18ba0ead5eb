"""Facts that only autograd knows: writes to a tensor, a running backward.

Uses: ``Tensor._version``, which autograd counts up at each write in place,
and ``torch._C._current_graph_task_id``, which PyTorch's own activation
checkpointing uses. Neither has a public name up to PyTorch 2.14.
"""
from operator import attrgetter

from .private import private

_graph_task = private('torch._C._current_graph_task_id', __name__,
                      'to know a forward that is run again in the backward')
# the number of writes in place; inference tensors raise a RuntimeError
version_of = attrgetter('_version')


def is_in_backward() -> bool:
    """Return True if a backward pass runs now, in this thread."""
    return _graph_task() != -1
