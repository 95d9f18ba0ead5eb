"""Layers under tracers, exporters and DataParallel.

Uses: the tracing state of ``torch._C``, since a kernel made in an ONNX export
would otherwise be nodes of the graph, and ``_is_replica``, with which
DataParallel marks its copies of modules. Neither has a public name up to
PyTorch 2.14.
"""
from contextlib import contextmanager
from typing import Iterator

import torch
from torch import nn
from torch.fx import Proxy

from ..errors import UserError
from .compiling import is_compiling
from .private import private

_state = private('torch._C._get_tracing_state', __name__,
                 'to keep kernels out of ONNX graphs')
_set_state = private('torch._C._set_tracing_state', __name__,
                     'to keep kernels out of ONNX graphs')


def as_leaf(layer: nn.Module, x: Proxy) -> Proxy:
    """Record the layer in a symbolic trace as one call, like nn.Conv2d.

    Raises:
        UserError: The trace is of the layer alone.
    """
    path = x.tracer.path_of_module(layer)
    if not path:
        raise UserError(
            f'{type(layer).__name__} by itself has no symbolic trace: trace '
            'mmrep.fuse(layer), or a model around it')
    return x.tracer.create_proxy('call_module', path, (x, ), {})


@contextmanager
def constant_in_onnx() -> Iterator[None]:
    """Make everything computed inside a constant of an ONNX graph."""
    if not torch.onnx.is_in_onnx_export():
        yield
        return
    state = _state()
    _set_state(None)
    try:
        with torch.no_grad():
            yield
    finally:
        _set_state(state)


def is_replica(layer: nn.Module) -> bool:
    """Return True if DataParallel made the layer, for one forward pass."""
    return '_is_replica' in vars(layer)


def is_transformed(layer: nn.Module) -> bool:
    """Return True if a compiler, a tracer or DataParallel runs the layer."""
    return is_compiling() or torch.jit.is_tracing() or is_replica(layer)
