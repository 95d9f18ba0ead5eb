"""What pickles of mmengine's checkpoints name, safe while they are read.

From 2.6 on, ``torch.load`` defaults to ``weights_only=True`` and then refuses
mmengine's own checkpoints, whose message hub holds ``HistoryBuffer`` objects.
While mmengine or mmrep reads a file, and only then, what such a file needs is
on torch's list of safe globals, which is one for the whole process.

Changes: ``CheckpointLoader.load_checkpoint`` of mmengine, which has no hook.
Uses: ``torch.serialization.safe_globals``, public since PyTorch 2.6; the
``_annealing_*`` functions of ``OneCycleParamScheduler``, which mmengine's
pickles name; and ``numpy.core.multiarray``, whose functions build arrays in
pickles and which is called ``numpy._core`` since numpy 2.
"""
import functools
import pickle
import re
import threading
from types import ModuleType
from typing import Any, Callable, Dict, NoReturn

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.optim import OneCycleParamScheduler
from mmengine.runner.checkpoint import CheckpointLoader

from .data_only import data_only
from .patching import Undo, put

try:
    from numpy._core import multiarray
except ImportError:  # numpy 1
    from numpy.core import multiarray

NUMBERS = '?bhilqBHILQefdFD'  # numpy's codes of them


class _Unbuildable:
    """Stands for a class that a checkpoint may name but never call."""

    def __call__(self, *args) -> NoReturn:
        raise pickle.UnpicklingError('Unsupported global: GLOBAL call')


_ONE_CYCLE = _Unbuildable()
ANNEALING = {
    name: getattr(OneCycleParamScheduler, name)
    for name in ('_annealing_cos', '_annealing_linear')
}
# another library may let pickles call the real `getattr`
vars(_ONE_CYCLE).update(ANNEALING)
# the only attributes that mmengine's pickles look up by `getattr`
_ATTRIBUTES = {
    (HistoryBuffer, 'min'): HistoryBuffer.min,
    (HistoryBuffer, 'max'): HistoryBuffer.max,
    (HistoryBuffer, 'mean'): HistoryBuffer.mean,
    (HistoryBuffer, 'current'): HistoryBuffer.current,
    **{
        (_ONE_CYCLE, name): value
        for name, value in ANNEALING.items()
    }
}


def _listed_attribute(owner: Any, name: str) -> Any:
    """What a checkpoint gets when it asks for ``builtins.getattr``.

    The real one would hand out ``x.__class__.__base__`` and so on, down to
    functions that run code.
    """
    for (known, attribute), value in _ATTRIBUTES.items():
        if owner is known and type(name) is str and name == attribute:
            return value
    raise pickle.UnpicklingError(
        f'Unsupported global: GLOBAL getattr({owner!r}, {name!r})')


def _safe_globals() -> Dict[str, Any]:
    """List what the pickle of an mmengine checkpoint names, by the names.

    Numpy's array functions come under the module names of numpy 1 and 2, of
    the dtypes only numbers: arrays of objects or records stay refused.
    """
    numbers = {type(np.dtype(code)) for code in NUMBERS}
    one_cycle = OneCycleParamScheduler
    return {
        **{
            _name(kind): kind
            for kind in (HistoryBuffer, np.ndarray, np.dtype, *numbers)
        },
        'builtins.getattr': _listed_attribute,
        f'{one_cycle.__module__}.{one_cycle.__name__}': _ONE_CYCLE,
        **{
            f'numpy.{core}.multiarray.{name}': getattr(multiarray, name)
            for core in ('core', '_core')
            for name in ('_reconstruct', 'scalar')
        }
    }  # yapf: disable


def _name(entry: Any) -> str:
    """The name under which torch finds an entry of its list."""
    if isinstance(entry, tuple):
        return entry[1]
    return f'{entry.__module__}.{entry.__name__}'


def _number_dtype(*args) -> np.dtype:
    """``np.dtype``, of numbers only."""
    dtype = np.dtype(*args)
    if dtype.char not in NUMBERS:
        raise pickle.UnpicklingError('Unsupported global: GLOBAL numpy.dtype'
                                     f'({dtype.char!r})')
    return dtype


def pickle_module() -> ModuleType:
    """The same rules for PyTorch before 2.6, which cannot be told them."""
    named = {**_safe_globals(), 'numpy.dtype': _number_dtype}
    return data_only(named, uncalled=[_ONE_CYCLE])


def knows_safe_globals() -> bool:
    """Whether this torch takes globals under names of one's own."""
    version = re.match(r'(\d+)\.(\d+)', torch.__version__)
    return tuple(map(int, version.groups())) >= (2, 6)


class _Allowed:
    """A ``with`` block in which ``torch.load`` accepts mmengine's files.

    What others put on the list stays there, and stays theirs: a name of ours
    that they have is not added. Blocks may overlap in several threads: the
    last one to end takes off what the first one put on.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0

    def __enter__(self) -> None:
        with self.lock:
            if not self.users and knows_safe_globals():
                known = set(map(_name, torch.serialization.get_safe_globals()))
                self.added = torch.serialization.safe_globals([
                    (value, name) for name, value in _safe_globals().items()
                    if name not in known
                ])
                self.added.__enter__()
            self.users += 1

    def __exit__(self, *error) -> None:
        with self.lock:
            self.users -= 1
            if not self.users and knows_safe_globals():
                self.added.__exit__(*error)


allowed = _Allowed()


def allow_mmengine_checkpoints(rename: Callable[[Any], Any]) -> Undo:
    """Let mmengine load the checkpoints that it writes.

    ``Runner``, ``init_cfg``, ``init_detector`` and inferencers all load
    through its one function. The files stay data: a pickle may build history
    buffers and arrays of numbers but call nothing else, and its ``getattr``
    is a look-up in a short list. Before torch 2.6 ``weights_only`` is off by
    default and mmengine loads whatever a file holds.

    Args:
        rename: Gets what a file holds and returns it with the weights under
            the name at which mmengine looks for them.

    Returns:
        What undoes it.
    """
    load = CheckpointLoader.load_checkpoint.__func__

    @functools.wraps(load)
    def load_checkpoint(cls, *args, **kwargs) -> Any:
        with allowed:
            checkpoint = load(cls, *args, **kwargs)
        return rename(checkpoint)

    return put(CheckpointLoader, 'load_checkpoint',
               classmethod(load_checkpoint))
