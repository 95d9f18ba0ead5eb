"""Guards in other libraries' converters, which refuse what they would destroy.

Changes: the methods and functions named in :mod:`mmrep.compat.converters`,
wherever a class of modules defines them. Uses: torch's registration hook,
which is public, and ``__subclasses__``. Converters have no public hook.
"""
import functools
import inspect
import sys
from typing import Any, List, Optional, Set

import mmcv.cnn  # noqa: F401
import torch.nn.utils.fusion  # noqa: F401
from torch import nn
from torch.nn.modules.module import register_module_module_registration_hook

from .code import put_guard
from .converters import (FUNCTIONS, IN_MODULES, METHODS, OF_BRANCHES, READERS,
                         VAGUE, Rules, guarded_function, guarded_method,
                         guarded_reader, needs_nothing)
from .patching import Undo, put


class Guards:
    """All guards that stand in other libraries, and their removal.

    Args:
        rules: The rules by which the guards refuse.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.seen: Set[type] = set()
        self.undo: List[Undo] = []

    def put(self) -> None:
        """Guard the functions, the present classes and those to come."""
        for module, name in FUNCTIONS:
            self._guard_function(sys.modules[module], name)
        self.guard_classes()
        handle = register_module_module_registration_hook(
            lambda parent, name, child: self.guard_class(type(parent)))
        self.undo.append(handle.remove)
        self._set(self.rules.rich, 'on_unpickling',
                  staticmethod(self.guard_classes))

    def remove(self) -> None:
        """Restore every function and class."""
        while self.undo:
            self.undo.pop()()

    def guard_classes(self) -> None:
        """Guard the classes of modules that exist by now."""
        kinds = [nn.Module]
        for kind in kinds:  # the list grows
            kinds += kind.__subclasses__()
            self.guard_class(kind)

    def guard_class(self, kind: type) -> None:
        """Make the converting methods of a class refuse nets not fused yet.

        Args:
            kind: The class of a module. Classes of mmrep convert correctly
                and stay as they are.
        """
        if kind in self.seen:
            return
        for cls in kind.__mro__:
            if cls not in self.seen:
                self.seen.add(cls)
                self._guard_own(cls)

    def _guard_own(self, cls: type) -> None:
        """Guard the methods that a class itself defines."""
        if cls.__module__.split('.')[0] in ('mmrep', 'torch',
                                            'builtins') or (issubclass(
                                                cls, self.rules.rich)):
            return
        for name in (*METHODS, *VAGUE, *OF_BRANCHES):
            self._guard_method(cls, name)
        for name in IN_MODULES:
            self._guard_function(sys.modules.get(cls.__module__), name)
        conv = READERS.get(f'{cls.__module__}.{cls.__qualname__}')
        if conv:
            self._set(cls, 'forward',
                      guarded_reader(cls.forward, conv, self.rules.rich))

    def _set(self, cls: type, name: str, value: Any) -> None:
        self.undo.append(put(cls, name, value))

    def _guard_method(self, cls: type, name: str) -> None:
        method = vars(cls).get(name)
        static = isinstance(method, (staticmethod, classmethod))
        function = method.__func__ if static else method
        if not inspect.isfunction(function):
            return
        alone = not static and (name in METHODS or needs_nothing(function))
        if alone or name not in VAGUE:
            guarded = guarded_method(function, f'{cls.__name__}.{name}',
                                     int(not alone and not static), self.rules)
            for each, value in list(vars(cls).items()):
                if value is method:  # under any name
                    self._set(cls, each,
                              type(method)(guarded) if static else guarded)

    def _guard_function(self, home: Any, name: str) -> None:
        make = functools.partial(guarded_function, home=home, rules=self.rules)
        self.undo.append(put_guard(getattr(home, name, None), make))


class _Standing:
    """The guards that stand now, if any."""

    guards: Optional[Guards] = None


def guard_converters(rules: Rules) -> Undo:
    """Guard functions, present classes, and classes that register a child.

    A net that comes out of a pickle registers no child. Unpickling a block
    therefore guards the classes that exist by then.

    Args:
        rules: The rules by which the guards refuse.

    Returns:
        A function that removes the guards.
    """
    guards = Guards(rules)
    guards.put()
    _Standing.guards = guards

    def undo() -> None:
        _Standing.guards = None
        guards.remove()

    return undo


def guard_class(kind: type) -> None:
    """Guard a class of modules if guards stand.

    Args:
        kind: The class of a module that may have got a layer without
            registering it as a child.
    """
    if _Standing.guards is not None:
        _Standing.guards.guard_class(kind)
