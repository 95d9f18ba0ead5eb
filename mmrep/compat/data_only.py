"""A pickle module, for ``torch.load``, that builds data and nothing else.

PyTorch before 2.6 needs it, since its ``weights_only=True`` cannot be taught
what mmengine's checkpoints hold. As with ``weights_only``, a pickle may name
only what is listed, and may call, create and set the state of only a part of
that.

Uses: ``pickle._Unpickler``, Python's unpickler in Python, since the one in C
lets nobody watch what is called; ``_compat_pickle``, the names of Python 2;
and ``_get_allowed_globals`` of ``torch._weights_only_unpickler``, the names
that torch itself allows. PyTorch 2.6 has the public
``torch.serialization.safe_globals``.
"""
import codecs
import pickle
from types import ModuleType
from typing import Any, Dict, Iterable, NoReturn

import numpy as np
import torch

from .private import private

Names = Dict[str, Any]

NAMES = private('_compat_pickle.NAME_MAPPING', __name__,
                'to read what Python 2 named')
MODULES = private('_compat_pickle.IMPORT_MAPPING', __name__,
                  'to read what Python 2 named')
_Python = private('pickle._Unpickler', __name__,
                  'to watch what a pickle calls')


def data_only(named: Names, uncalled: Iterable = ()) -> ModuleType:
    """Make a pickle module that builds data and nothing else.

    Args:
        named: The objects that a pickle may name besides tensors, by their
            names.
        uncalled: Those of ``named`` that a pickle may hold but not call.
            Defaults to none.

    Returns:
        The module, for ``pickle_module`` of ``torch.load``.
    """
    allowed_by_torch = private(
        'torch._weights_only_unpickler._get_allowed_globals', __name__,
        'to allow what torch allows')
    dtypes = {str(v): v for v in vars(torch).values() if _is_dtype(v)}
    named = {
        **allowed_by_torch(),
        **dtypes, '_codecs.encode': codecs.encode,
        **named
    }
    # this function sets attributes of any object
    named.pop('torch._tensor._rebuild_from_type_v2', None)
    uncalled = {id(value) for value in uncalled}
    called = {id(v) for v in named.values() if id(v) not in uncalled}
    module = ModuleType('data_only')
    module.UnpicklingError = pickle.UnpicklingError
    module.Unpickler = type('Unpickler', (_Unpickler, ),
                            dict(named=named, called=called))
    module.load = lambda file, **options: module.Unpickler(file, **options
                                                           ).load()
    return module


def _is_dtype(value: Any) -> bool:
    return isinstance(value, torch.dtype)


def _refuse(what: str) -> NoReturn:
    raise pickle.UnpicklingError(f'Unsupported global: GLOBAL {what}')


class _Unpickler(_Python):
    named = called = ()
    dispatch = dict(_Python.dispatch)

    def find_class(self, module: str, name: str) -> Any:
        module, name = NAMES.get((module, name),
                                 (MODULES.get(module, module), name))
        if f'{module}.{name}' not in self.named:
            _refuse(f'{module}.{name}')
        return self.named[f'{module}.{name}']

    def load_reduce(self) -> None:
        self._check_called(self.stack[-2])
        super().load_reduce()

    def load_newobj(self) -> None:
        self._check_called(self.stack[-2])
        super().load_newobj()

    def load_build(self) -> None:
        built = self.stack[-2]
        if not isinstance(built, np.dtype):
            self._check_called(type(built))
        super().load_build()

    def _check_called(self, function: Any) -> None:
        if id(function) not in self.called:
            _refuse(f'call of {function!r}')

    def load_other(self) -> NoReturn:
        _refuse('an opcode of protocol 0 or 4')

    dispatch[pickle.REDUCE[0]] = load_reduce
    dispatch[pickle.NEWOBJ[0]] = load_newobj
    dispatch[pickle.BUILD[0]] = load_build
    for opcode in (pickle.INST, pickle.OBJ, pickle.NEWOBJ_EX):
        dispatch[opcode[0]] = load_other
