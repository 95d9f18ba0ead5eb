"""The names in mmengine's checkpoints, made safe while a file is read.

From 2.6 on, ``torch.load`` defaults to ``weights_only=True`` and then refuses
mmengine's own checkpoints, whose message hub holds ``HistoryBuffer`` objects.
Torch has one list of safe globals for the whole process. The names that such
a file needs are on it only while mmengine or mmrep reads a file.

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

NUMBERS = '?bhilqBHILQefdFD'  # numpy's codes of dtypes of numbers


class _Unbuildable:
    """A stand-in for a class that a checkpoint may name but never call."""

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
    """Look up one of a few attributes, in place of ``builtins.getattr``.

    The real ``getattr`` would give a checkpoint ``x.__class__.__base__`` and
    so on, down to functions that run code.
    """
    for (known, attribute), value in _ATTRIBUTES.items():
        if owner is known and type(name) is str and name == attribute:
            return value
    raise pickle.UnpicklingError(
        f'Unsupported global: GLOBAL getattr({owner!r}, {name!r})')


def _safe_globals() -> Dict[str, Any]:
    """Return the objects that mmengine's checkpoints name, by their names.

    Numpy's array functions stand under the module names of numpy 1 and 2.
    Only dtypes of numbers are there: arrays of objects or records stay
    refused.
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
    """Return the name under which torch finds an entry of its list."""
    if isinstance(entry, tuple):
        return entry[1]
    return f'{entry.__module__}.{entry.__name__}'


def _number_dtype(*args) -> np.dtype:
    """Make a numpy dtype, of numbers only."""
    dtype = np.dtype(*args)
    if dtype.char not in NUMBERS:
        raise pickle.UnpicklingError('Unsupported global: GLOBAL numpy.dtype'
                                     f'({dtype.char!r})')
    return dtype


def pickle_module() -> ModuleType:
    """Return a pickle module with these rules, for PyTorch before 2.6."""
    named = {**_safe_globals(), 'numpy.dtype': _number_dtype}
    return data_only(named, uncalled=[_ONE_CYCLE])


def knows_safe_globals() -> bool:
    """Return True if this torch takes safe globals with names of our own."""
    version = re.match(r'(\d+)\.(\d+)', torch.__version__)
    return tuple(map(int, version.groups())) >= (2, 6)


class _Allowed:
    """A ``with`` block in which ``torch.load`` accepts mmengine's files.

    Entries of other libraries stay on the list, and stay theirs: a name that
    they have listed is not added again. Blocks may overlap in several
    threads: the last one to end takes off what the first one put on.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0

    def __enter__(self) -> None:
        with self.lock:
            if not self.users and knows_safe_globals():
                self.before = torch.serialization.get_safe_globals()
                known = set(map(_name, self.before))
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
                # a fork's mmengine takes off what it adds, others' too
                left = torch.serialization.get_safe_globals()
                torch.serialization.add_safe_globals(
                    [entry for entry in self.before if entry not in left])


allowed = _Allowed()


def allow_mmengine_checkpoints(rename: Callable[[Any], Any]) -> Undo:
    """Let mmengine load the checkpoints that it writes.

    ``Runner``, ``init_cfg``, ``init_detector`` and inferencers all load
    through its one function. The files stay data: a pickle may build history
    buffers and arrays of numbers but call nothing else, and its ``getattr``
    is a look-up in a short list. Before torch 2.6 ``weights_only`` is off by
    default and mmengine loads whatever a file holds.

    Args:
        rename: A function that gets the content of a file and returns it with
            the weights under the name at which mmengine looks for them.

    Returns:
        A function that undoes the change.
    """
    load = CheckpointLoader.load_checkpoint.__func__

    @functools.wraps(load)
    def load_checkpoint(cls, *args, **kwargs) -> Any:
        with allowed:
            checkpoint = load(cls, *args, **kwargs)
        return rename(checkpoint)

    return put(CheckpointLoader, 'load_checkpoint',
               classmethod(load_checkpoint))
