"""Modes that see each operation, also those of C++ and of the backward.

Uses: ``torch.utils._python_dispatch``, where PyTorch has the base class of
such modes, and the schema of an operation, which says whether its result is a
view, or an argument changes. Neither has a public name up to PyTorch 2.14.
"""
from typing import Any

import torch

from .private import private

__all__ = ['DispatchMode', 'is_view', 'writes']

_Mode = private('torch.utils._python_dispatch.TorchDispatchMode', __name__,
                'to see operations')


class DispatchMode(_Mode):
    """A mode under which compiled code stays compiled.

    PyTorch would run the plain code of a compiled region otherwise, since
    2.8 or so. A subclass has ``__torch_dispatch__``.
    """

    @classmethod
    def ignore_compile_internals(cls) -> bool:
        return True


def is_view(operation: Any) -> bool:
    """Return True if the result of an operation is a view of an argument.

    Args:
        operation: The operation as ``__torch_dispatch__`` gets it.
    """
    if torch.Tag.inplace_view in getattr(operation, 'tags', ()):
        return True
    found = [a.alias_info for a in operation._schema.arguments]
    found = [info for info in found if info is not None]
    return bool(found) and not any(info.is_write for info in found)


def writes(operation: Any) -> bool:
    """Return True if an operation changes one of its arguments.

    Args:
        operation: The operation as ``__torch_dispatch__`` gets it, or any
            function, which counts as one that changes nothing.
    """
    schema = getattr(operation, '_schema', None)
    return schema is not None and schema.is_mutable
