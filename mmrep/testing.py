"""Helpers for tests of re-parameterization."""
import contextlib
from typing import Any, Iterator, Optional

import torch
from torch import Tensor, nn
from torch.autograd.grad_mode import set_multithreading_enabled
from torch.overrides import TorchFunctionMode

from .compat.batch_norms import is_batch_norm
from .compat.dispatching import DispatchMode
from .compat.pytree import tree_flatten
from .nets.walk import check_module


@torch.no_grad()
def randomize_norms(module: nn.Module, seed: int = 0) -> nn.Module:
    """Give every batch norm statistics and an affine map far from fresh.

    On fresh norms a wrong fusion passes any test.

    Args:
        module: The module, which is changed in place.
        seed: Seed of the drawn numbers. Defaults to 0.

    Returns:
        ``module``.

    Examples:
        >>> from torch import nn
        >>> from mmrep.testing import randomize_norms
        >>> norm = randomize_norms(nn.BatchNorm2d(4))
        >>> bool((norm.running_var > 0.5).all())
        True
    """
    check_module(module)
    generator = torch.Generator().manual_seed(seed)

    def draw(tensor: Optional[Tensor], low: float, high: float) -> None:
        if tensor is not None:
            values = torch.rand(tensor.shape, generator=generator)
            tensor.copy_(low + (high - low) * values)

    for norm in module.modules():
        if is_batch_norm(norm):
            draw(norm.weight, 0.5, 1.5)
            draw(norm.bias, -0.5, 0.5)
            draw(norm.running_mean, -0.5, 0.5)
            draw(norm.running_var, 0.5, 2.0)
    return module


# operations whose result, or its size, depends on numbers in a tensor
WAITING = {
    'aten::_linalg_check_errors', 'aten::_local_scalar_dense', 'aten::_unique',
    'aten::_unique2', 'aten::allclose', 'aten::bincount', 'aten::equal',
    'aten::is_nonzero', 'aten::item', 'aten::masked_select', 'aten::nonzero',
    'aten::nonzero_numpy', 'aten::unique_consecutive', 'aten::unique_dim'
}
# methods that read the numbers of a tensor without an operation on a CPU
READING = {
    getattr(Tensor, name)
    for name in ('__array__', '__bool__', '__contains__', '__float__',
                 '__index__', '__int__', 'cpu', 'item', 'numpy', 'tolist')
}


class Waited(AssertionError):
    """The host would have waited for a GPU."""


@contextlib.contextmanager
def refuses_waiting() -> Iterator[None]:
    """Refuse all that would let the host wait for a GPU, on any device.

    It refuses copies of tensors to the host, reading their numbers, and
    operations whose result has a size that depends on numbers, such as
    ``nonzero`` and indexing by a mask.

    Raises:
        Waited: Something meanwhile would wait; the message names it.

    Examples:
        >>> import torch
        >>> from mmrep.testing import refuses_waiting
        >>> with refuses_waiting():
        ...     total = torch.ones(3).sum()
        >>> float(total)  # this would wait
        3.0
    """
    # the modes are of this thread: the backward must run here, too
    with set_multithreading_enabled(False), _Reading(), _Waiting():
        yield


def _refuse(what: str) -> None:
    raise Waited(f'{what} lets the host wait for a GPU')


class _Reading(TorchFunctionMode):
    """Refuses what Python code asks of tensors."""

    def __torch_function__(self,
                           function: Any,
                           types: Any,
                           args: tuple = (),
                           kwargs: Optional[dict] = None) -> Any:
        if function in READING:
            _refuse(f'Tensor.{function.__name__}')
        return function(*args, **(kwargs or {}))


class _Waiting(DispatchMode):
    """Refuses operations, also those of the backward."""

    def __torch_dispatch__(self,
                           operation: Any,
                           types: Any,
                           args: tuple = (),
                           kwargs: Optional[dict] = None) -> Any:
        name, kwargs = operation.name().partition('.')[0], kwargs or {}
        if name in WAITING or name.startswith('aten::index') and (
                _has_mask(args)):
            _refuse(name)
        if name in ('aten::_to_copy', 'aten::copy_') and (_comes_home(
                args, kwargs)):
            _refuse(f'{name}, which copies to the host,')
        return operation(*args, **kwargs)


def _has_mask(args: tuple) -> bool:
    """Return True for an index by a mask, in place of whole numbers."""
    return any(
        torch.is_tensor(value) and value.dtype in (torch.bool, torch.uint8)
        for value in tree_flatten(args[1:2])[0])


def _comes_home(args: tuple, kwargs: dict) -> bool:
    """Return True for a copy to the CPU of a tensor that is elsewhere."""
    source = (args[1:2] or args)[0]  # of `copy_` and of `_to_copy`
    target = kwargs.get('device') or args[0].device
    return target.type == 'cpu' != source.device.type
