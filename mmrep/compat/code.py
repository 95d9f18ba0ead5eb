"""A guard inside a function that other modules hold already.

Uses: assignment to ``function.__code__``, which Python documents. A module
may have imported the function by name, so that another object under the old
name would not reach it. The function stays the same object, in modules, lists
and pickles. No library has a public hook for this.
"""
import inspect
from types import FunctionType
from typing import Any, Callable

from .patching import Undo


def put_guard(function: Any, make: Callable[[Callable], Callable]) -> Undo:
    """Make a function call a guard in its place, under every name it has.

    Args:
        function: A function defined in Python, with no variables of an outer
            function. Anything else stays as it is.
        make: A function that gets a copy of the original and returns the
            guard around it.

    Returns:
        A function that puts the original code back.
    """
    if not inspect.isfunction(function) or function.__code__.co_freevars or (
            hasattr(function, '__wrapped__')):
        return _nothing
    original = FunctionType(function.__code__, function.__globals__,
                            function.__name__, function.__defaults__)
    original.__kwdefaults__ = function.__kwdefaults__
    original.__doc__ = function.__doc__
    function.__wrapped__ = original  # it has the signature

    def call(*args, guard_of_mmrep: Callable, **kwargs) -> Any:
        return guard_of_mmrep(*args, **kwargs)

    function.__code__ = call.__code__
    function.__defaults__ = None
    function.__kwdefaults__ = dict(guard_of_mmrep=make(original))

    def undo() -> None:
        function.__code__ = original.__code__
        function.__defaults__ = original.__defaults__
        function.__kwdefaults__ = original.__kwdefaults__
        del function.__wrapped__

    return undo


def _nothing() -> None:
    """Do nothing, since there is nothing to undo."""
