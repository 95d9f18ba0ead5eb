"""Converters of others refuse what they would destroy without a word.

They read ``conv.weight`` as the whole kernel, but a re-parameterized layer
has more than that.
"""
import functools
import inspect
import sys
from types import FunctionType
from typing import Any, Callable, Set

import mmcv.cnn  # noqa: F401
import torch.nn.utils.fusion  # noqa: F401
from torch import Tensor, nn
from torch.nn.modules.module import register_module_module_registration_hook
from torch.utils._pytree import tree_flatten

from .errors import UserError
from .layers import RepConv2d
from .refusals import refuse, refuse_biases

# methods of hosts' and other libraries' modules that mean nothing else
METHODS = ('switch_to_deploy', 'merge_kernel', 'reparameterize',
           'get_equivalent_kernel_bias', 'local_inject', 'repvgg_convert',
           'convert_to_deploy')
# converters where they need no argument; else they may fuse anything
VAGUE = ('fuse', 'fuse_model')
# those that mostly take a branch
OF_BRANCHES = ('_fuse_conv_bn', '_fuse_bn_tensor', 'fuse_bn', 'fuse_conv_bn')
# of a module of Python in which a class of torch modules is
IN_MODULES = ('fuse_bn', )
# where a function is defined, and its name
FUNCTIONS = (
    ('mmcv.cnn.utils.fuse_conv_bn', 'fuse_conv_bn'),
    ('mmcv.cnn.utils.fuse_conv_bn', '_fuse_conv_bn'),
    ('mmcv.cnn.bricks.conv_module', 'efficient_conv_bn_eval_forward'),
    ('torch.nn.utils.fusion', 'fuse_conv_bn_eval'),
)
# modules whose forward takes the weight of a convolution instead of calling it
READERS = {
    'mmdet.models.dense_heads.tood_head.TaskDecomposition':
    'reduction_conv.conv',
    'mmseg.models.decode_heads.knet_head.IterativeDecodeHead':
    'kernel_generate_head.conv_seg',
}

_seen: Set[type] = set()


def guard_converters() -> None:
    """Guard functions, the classes there are, and those that get a child.

    A net that comes out of a pickle registers none: there the classes are
    looked at once more.
    """
    for module, name in FUNCTIONS:
        _guard_function(sys.modules[module], name)
    guard_classes()
    register_module_module_registration_hook(_on_registration)
    RepConv2d.on_unpickling = staticmethod(guard_classes)


def guard_classes() -> None:
    """Guard the classes of modules that there are by now."""
    kinds = [nn.Module]
    for kind in kinds:  # which grows
        kinds += kind.__subclasses__()
        if kind not in _seen:
            guard_class(kind)


def _on_registration(parent: nn.Module, name: str, child: Any) -> None:
    if type(parent) not in _seen:
        guard_class(type(parent))


def guard_class(kind: type) -> None:
    """Let the converting methods of a class refuse nets that are not fused.

    Args:
        kind: Of a module. Those of mmrep convert as they should.
    """
    for cls in kind.__mro__:
        if cls in _seen:
            continue
        _seen.add(cls)
        if cls.__module__.split('.')[0] in ('mmrep', 'torch',
                                            'builtins') or (issubclass(
                                                cls, RepConv2d)):
            continue
        for name in (*METHODS, *VAGUE, *OF_BRANCHES):
            _guard_method(cls, name)
        for name in IN_MODULES:
            _guard_function(sys.modules.get(cls.__module__), name)
        conv = READERS.get(f'{cls.__module__}.{cls.__qualname__}')
        if conv:
            cls.forward = _guarded_reader(cls.forward, conv)


def _guard_method(cls: type, name: str) -> None:
    method = vars(cls).get(name)
    static = isinstance(method, (staticmethod, classmethod))
    function = method.__func__ if static else method
    if not inspect.isfunction(function):
        return
    alone = not static and (name in METHODS or _needs_nothing(function))
    if alone or name not in VAGUE:
        guarded = _guarded_method(function, f'{cls.__name__}.{name}',
                                  int(not alone and not static))
        for each, value in list(vars(cls).items()):
            if value is method:  # by any name
                setattr(cls, each,
                        type(method)(guarded) if static else guarded)


def _needs_nothing(method: Callable) -> bool:
    """Whether a method can be called with ``self`` alone."""
    others = list(inspect.signature(method).parameters.values())[1:]
    starred = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
    return all(p.default is not p.empty or p.kind in starred for p in others)


def _guarded_method(method: Callable, what: str, first: int) -> Callable:
    """Look at the arguments from the first that may be converted."""

    @functools.wraps(method)
    def guarded(*args, **kwargs):
        # with tensors it is no converter, but fuses features
        values, _ = tree_flatten([args[first:], kwargs])
        if not any(isinstance(value, Tensor) for value in values):
            refuse(what, *values)
            refuse_biases(what, *values)
        return method(*args, **kwargs)

    return guarded


def _guarded_reader(forward: Callable, conv: str) -> Callable:

    @functools.wraps(forward)
    def guarded(self, *args, **kwargs):
        if isinstance(self.get_submodule(conv), RepConv2d):
            raise UserError(
                f'{type(self).__name__} reads the weight of its {conv!r} and '
                'never runs it: that convolution must stay plain, `exclude` '
                'it or give this module no `conv_cfg`')
        return forward(self, *args, **kwargs)

    return guarded


def _guard_function(home: Any, name: str) -> None:
    """Put a guard into a function, by whatever name others have it.

    It stays the same object, in modules, lists and pickles: its code is
    another.
    """
    function = getattr(home, name, None)
    if not inspect.isfunction(function) or function.__code__.co_freevars or (
            hasattr(function, '__wrapped__')):
        return
    original = FunctionType(function.__code__, function.__globals__, name,
                            function.__defaults__)
    original.__kwdefaults__ = function.__kwdefaults__
    original.__doc__ = function.__doc__
    function.__wrapped__ = original  # which has the signature

    def call(*args, guard_of_mmrep, **kwargs):
        return guard_of_mmrep(*args, **kwargs)

    function.__code__ = call.__code__
    function.__defaults__ = None
    function.__kwdefaults__ = dict(
        guard_of_mmrep=_guarded_function(original, home))


def _guarded_function(function: Callable, home: Any) -> Callable:
    what = f"{home.__name__.split('.')[0]}'s {function.__name__}"

    def guarded(*args, **kwargs):
        values = [*args, *kwargs.values()]
        refuse(what, *values)
        if function.__name__ in IN_MODULES:
            refuse_biases(what, *values)
        return function(*args, **kwargs)

    return guarded
