"""What autograd knows of a tensor and of the moment.

Uses: ``Tensor._version``, which autograd counts up at each write in place,
and ``torch._C._current_graph_task_id``, which activation checkpointing of
PyTorch asks itself. Neither has a public name up to PyTorch 2.14.
"""
from operator import attrgetter

from .private import private

_graph_task = private('torch._C._current_graph_task_id', __name__,
                      'to know a forward that is run again in the backward')
# how often a tensor was written in place; RuntimeError of inference tensors
version_of = attrgetter('_version')


def is_in_backward() -> bool:
    """Whether a backward pass runs now, in this thread."""
    return _graph_task() != -1
