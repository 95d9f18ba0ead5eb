"""Keep kernels while a model is used but not trained."""
from contextlib import contextmanager
from typing import Iterator

from torch import nn

from ..layers import RepConv2d
from .walk import check_module


@contextmanager
def keep_kernels(model: nn.Module) -> Iterator[nn.Module]:
    """Make the kernel of each block once, for evaluation without gradients.

    Outside this context a block in eval mode makes its kernel in each forward
    pass, so that it notices every way of writing weights. Inside, it makes the
    kernel once, and again after a weight was written in place or loaded, a
    tensor or module was replaced, or a norm's mode or eps changed. Keep code
    outside that writes memory which PyTorch does not watch (``tensor.data``,
    views of NumPy, fused optimizers).

    Args:
        model: Any module. Other models and copies stay as they are.

    Yields:
        ``model``.

    Examples:
        >>> import torch
        >>> import mmrep
        >>> net = mmrep.DBBConv2d(4, 4, 3, padding=1).eval()
        >>> with mmrep.keep_kernels(net), torch.no_grad():
        ...     for _ in range(2):  # the second pass makes no kernel
        ...         out = net(torch.randn(1, 4, 8, 8))
    """
    check_module(model)
    layers = [m for m in model.modules() if isinstance(m, RepConv2d)]
    for layer in layers:
        layer.keep_kernel(1)
    try:
        yield model
    finally:
        for layer in layers:
            layer.keep_kernel(-1)
