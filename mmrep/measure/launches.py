"""Count the operations of a training step that would launch a kernel."""
import contextlib
from typing import Any, Iterator, Optional

import torch
from mmengine.optim import OptimWrapper
from torch.autograd.grad_mode import set_multithreading_enabled

from ..compat.compiled_regions import watch_regions
from ..compat.dispatching import DispatchMode, is_view
from ..compat.pytree import tree_flatten

# operations that make a tensor without a number in it, or another name of it,
# or read a number, as optimizers do of their count of steps on the host
IDLE = {
    'aten::_local_scalar_dense', 'aten::_unsafe_view', 'aten::empty',
    'aten::empty_like', 'aten::empty_permuted', 'aten::empty_strided',
    'aten::lift_fresh', 'aten::new_empty', 'aten::new_empty_strided',
    'aten::resize_', 'aten::set_', 'prim::device'
}


class Launches(DispatchMode):
    """A count of the operations that run while it is entered.

    Views, allocations, reads of a number and operations without a tensor do
    not count. An operation counts once however many kernels a library takes
    for it, the two gradients of a convolution included, and so does one on a
    list of tensors (foreach, fused). Each kernel of a compiled region counts,
    and each product there; a replay of a CUDA graph counts once.

    Attributes:
        count: The number so far.

    Examples:
        >>> import torch
        >>> from mmrep.measure.launches import Launches
        >>> x = torch.zeros(2, 3)
        >>> with Launches() as seen:
        ...     y = (x + 1).t().exp()
        >>> seen.count  # the transposition is a view
        2
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.in_region = False

    def add(self, kernels: int) -> None:
        """Count kernels that no mode of PyTorch sees, those of a region.

        Args:
            kernels: The number of the kernels.
        """
        self.count += kernels

    def __enter__(self) -> 'Launches':
        self.regions = contextlib.ExitStack()
        self.regions.enter_context(watch_regions(self.add, self._move))
        # regions are watched in this thread: the backward must run here, too
        self.regions.enter_context(set_multithreading_enabled(False))
        return super().__enter__()

    def __exit__(self, *error: Any) -> Optional[bool]:
        self.regions.close()
        return super().__exit__(*error)

    def _move(self, inside: bool) -> None:
        self.in_region = inside

    def __torch_dispatch__(self,
                           operation: Any,
                           types: Any,
                           args: tuple = (),
                           kwargs: Optional[dict] = None) -> Any:
        result = operation(*args, **(kwargs or {}))
        if not self.in_region and _launches(operation, args, kwargs, result):
            self.count += 1
        return result


def _launches(operation: Any, *values: Any) -> bool:
    name = operation.name().partition('.')[0]
    return name not in IDLE and not is_view(operation) and any(
        torch.is_tensor(value) for value in tree_flatten(values)[0])


@contextlib.contextmanager
def as_on_a_gpu(optim_wrapper: OptimWrapper) -> Iterator[None]:
    """Let an optimizer on a CPU take lists of tensors, as on a GPU.

    PyTorch's optimizers and its clipping of gradients do so by themselves on
    a GPU alone, where an option does not say otherwise.

    Args:
        optim_wrapper: The wrapper of the optimizer, which is as before at
            the end.
    """
    changed = [
        group for group in optim_wrapper.optimizer.param_groups
        if group.get('foreach', 0) is None and not group.get('fused')
    ]
    if optim_wrapper.clip_grad_kwargs:
        changed.append(optim_wrapper.clip_grad_kwargs)
    before = [dict(each) for each in changed]
    for each in changed:
        each['foreach'] = True
    try:
        yield
    finally:
        for each, old in zip(changed, before):
            each.clear()
            each.update(old)
