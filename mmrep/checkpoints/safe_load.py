"""Reading checkpoints without letting them run code.

From 2.6 on, ``torch.load`` defaults to ``weights_only=True`` and then refuses
mmengine's own checkpoints, whose message hub holds ``HistoryBuffer`` objects.
Importing mmrep names what such a file needs as safe.
"""
import os.path as osp
import pickle
import re
import zipfile
from collections.abc import Mapping

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.optim import OneCycleParamScheduler

from ..errors import UserError
from .data_only import data_only

try:
    from numpy._core import multiarray
except ImportError:  # numpy 1
    from numpy.core import multiarray

NUMBERS = '?bhilqBHILQefdFD'  # numpy's codes of them


class _Unbuildable:
    """Stands for a class that a checkpoint may name but never call."""

    def __call__(self, *args):
        raise pickle.UnpicklingError('Unsupported global: GLOBAL call')


_ONE_CYCLE = _Unbuildable()
# the fork of mmengine lets pickles call the real `getattr` while it loads
_ONE_CYCLE._annealing_cos = OneCycleParamScheduler._annealing_cos
_ONE_CYCLE._annealing_linear = OneCycleParamScheduler._annealing_linear
# the only attributes that mmengine's pickles look up by `getattr`
_ATTRIBUTES = {
    (HistoryBuffer, 'min'): HistoryBuffer.min,
    (HistoryBuffer, 'max'): HistoryBuffer.max,
    (HistoryBuffer, 'mean'): HistoryBuffer.mean,
    (HistoryBuffer, 'current'): HistoryBuffer.current,
    (_ONE_CYCLE, '_annealing_cos'): OneCycleParamScheduler._annealing_cos,
    (_ONE_CYCLE, '_annealing_linear'):
    OneCycleParamScheduler._annealing_linear,
}


def _listed_attribute(owner, name):
    """What a checkpoint gets when it asks for ``builtins.getattr``.

    The real one would hand out ``x.__class__.__base__`` and so on, down to
    functions that run code.
    """
    for (known, attribute), value in _ATTRIBUTES.items():
        if owner is known and type(name) is str and name == attribute:
            return value
    raise pickle.UnpicklingError(
        f'Unsupported global: GLOBAL getattr({owner!r}, {name!r})')


def _safe_globals():
    """List what the pickle of an mmengine checkpoint names.

    Numpy's array functions come under the module names of numpy 1 and 2, of
    the dtypes only numbers: arrays of objects or records stay refused.
    """
    numbers = {type(np.dtype(code)) for code in NUMBERS}
    one_cycle = OneCycleParamScheduler
    return [
        HistoryBuffer, np.ndarray, np.dtype, *numbers,
        (_listed_attribute, 'builtins.getattr'),
        (_ONE_CYCLE, f'{one_cycle.__module__}.{one_cycle.__name__}'),
        *((getattr(multiarray, name), f'numpy.{core}.multiarray.{name}')
          for core in ('core', '_core') for name in ('_reconstruct', 'scalar'))
    ]


def _number_dtype(*args):
    """``np.dtype``, of numbers only."""
    dtype = np.dtype(*args)
    if dtype.char not in NUMBERS:
        raise pickle.UnpicklingError('Unsupported global: GLOBAL numpy.dtype'
                                     f'({dtype.char!r})')
    return dtype


def _data_only():
    """What of :func:`_safe_globals` PyTorch before 2.6 cannot be told."""
    named = {
        name: value
        for value, name in (entry if isinstance(entry, tuple) else (
            entry, f'{entry.__module__}.{entry.__name__}')
                            for entry in _safe_globals())
    }
    named['numpy.dtype'] = _number_dtype
    return data_only(named, uncalled=[_ONE_CYCLE])


def _knows_safe_globals():
    version = re.match(r'(\d+)\.(\d+)', torch.__version__)
    return tuple(map(int, version.groups())) >= (2, 6)


def allow_mmengine_checkpoints():
    """Make ``torch.load`` accept the checkpoints that mmengine writes.

    They stay data: a pickle may build history buffers and arrays of numbers
    but call nothing else, and its ``getattr`` is a look-up in a short list.
    Before torch 2.6 ``weights_only`` is off by default and a global cannot be
    registered under a name of one's own; nothing is done there, and
    :func:`read_checkpoint` reads with a pickle module of the same rules.
    """
    if _knows_safe_globals():
        torch.serialization.add_safe_globals(_safe_globals())


def read_checkpoint(path, trusted=False):
    """Read a checkpoint onto the CPU.

    Args:
        path (str): File written by mmengine, by ``mmrep`` or by
            ``torch.save(model.state_dict(), path)``.
        trusted (bool): Whether pickled objects may run their code. Defaults
            to False.

    Returns:
        dict: The checkpoint, its weights under ``'state_dict'``.

    Raises:
        UserError: If there is no such file, if it is no checkpoint, or if it
            holds objects and is not ``trusted``.
    """
    return _with_state_dict(path, read_file(path, trusted))


def read_file(path, trusted=False):
    """Read onto the CPU whatever a file holds.

    Raises:
        UserError: If there is no such file, if torch did not write it, or if
            it holds objects and is not ``trusted``.
    """
    if osp.isdir(path):
        raise UserError(f'{path!r} is a folder, not a checkpoint file')
    if not osp.isfile(path):
        way_out = ': download it first' if '://' in path else ''
        raise UserError(f'no such checkpoint: {path!r}{way_out}')
    allow_mmengine_checkpoints()
    rules = dict(weights_only=not trusted)
    if not trusted and not _knows_safe_globals():
        rules = dict(weights_only=False, pickle_module=_data_only())
    try:
        # of a mapped file only what is used, no optimizer's state, is read
        return torch.load(
            path, map_location='cpu', mmap=zipfile.is_zipfile(path), **rules)
    except Exception as error:  # a broken pickle can raise anything
        raise UserError(_why_unreadable(path, error)) from error


def _why_unreadable(path, error):
    """Tell a refused object from a file that is no checkpoint."""
    refused = re.search(r'GLOBAL (\S+?\(.*\)|\S+)', str(error))
    if refused or (isinstance(error, pickle.UnpicklingError)
                   and zipfile.is_zipfile(path)):
        what = refused.group(1) if refused else 'an object'
        return (f'checkpoint {path!r} holds {what}, which could run code: if '
                'you trust its source, pass --trust-checkpoint')
    return (f'{path!r} is truncated or not a checkpoint: torch cannot read '
            f'it ({type(error).__name__})')


def _with_state_dict(path, checkpoint):
    """Bring a bare dict of tensors into the form of a checkpoint."""
    if isinstance(checkpoint, Mapping):
        if isinstance(checkpoint.get('state_dict'), Mapping):
            return checkpoint
        if checkpoint and all(map(torch.is_tensor, checkpoint.values())):
            return {'state_dict': checkpoint}
        held = f"the keys {', '.join(map(str, list(checkpoint)[:5]))}"
    else:
        held = f'a {type(checkpoint).__name__}'
    raise UserError(f'checkpoint {path!r} has no state_dict: it holds {held}')
