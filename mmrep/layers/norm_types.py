"""The names that stand for norms: looked up, nothing is imported."""
import inspect
import sys
from types import ModuleType
from typing import Any, Optional, Union
from weakref import WeakValueDictionary

from torch import nn
from torch.nn.modules.lazy import LazyModuleMixin

from ..compat.batch_norms import is_unfinished
from ..errors import UserError, shown
from .lookup import registered

# classes that Python code has given, by the names that stand for them
GIVEN = WeakValueDictionary()
NO_IMAGES = (nn.BatchNorm1d, nn.BatchNorm3d, LazyModuleMixin)


def as_name(kind: Union[str, type]) -> str:
    """Return the name by which :func:`norm_type` finds a class."""
    if isinstance(kind, str):
        return kind
    name = f'{kind.__module__}.{kind.__qualname__}'
    GIVEN[name] = kind
    return name


def norm_type(kind: Union[str, type], norm_cfg: dict) -> type:
    """Return the class of a norm.

    Args:
        kind: The class, a name in a registry of the current scope, or the
            whole name of a class in a module that is imported already.
        norm_cfg: Config whose type it is, for the message.

    Raises:
        UserError: No norm is known under this name.
        TypeError: The class is no batch norm over images.
    """
    known = _named(kind) if isinstance(kind, str) else kind
    if known is None or not isinstance(known, type):
        raise UserError(
            f'`type` (={shown(kind)}) of `norm_cfg` must be a batch norm of '
            "the registry, such as 'BN', or a class of an imported module")
    if not _is_batch_norm(known):
        raise TypeError(
            f'`norm_cfg` (={shown(norm_cfg)}) must be a batch norm with '
            'running statistics and an affine map: other norms cannot be '
            'folded')
    return known


def _named(name: str) -> Any:
    found = registered(name)
    return found or GIVEN.get(name) or _imported(name)


def _is_batch_norm(known: type) -> bool:
    """Return True if a class makes batch norms; none is made yet.

    Their first argument is a number of channels.
    """
    if not issubclass(known, nn.Module) or issubclass(known, NO_IMAGES):
        return False
    if is_unfinished(known):
        return False
    try:
        parameters = list(inspect.signature(known).parameters)
    except ValueError:  # written in C
        return False
    return parameters[:1] == ['num_features']


def _imported(name: str) -> Optional[type]:
    """Return a class by its whole name, if its module is imported."""
    parts = name.split('.')
    for end in range(len(parts) - 1, 0, -1):
        found = sys.modules.get('.'.join(parts[:end]))
        if isinstance(found, ModuleType):
            for part in parts[end:]:
                # not by `getattr`, with which a module may import others
                found = vars(found).get(part) if isinstance(
                    found, (ModuleType, type)) else None
            return found
    return None
