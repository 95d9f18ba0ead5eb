"""The hooks that a module has.

Uses: the mappings ``_forward_hooks``, ``_forward_pre_hooks``,
``_backward_hooks``, ``_backward_pre_hooks`` of ``nn.Module`` with their
options, ``_is_full_backward_hook``, and of ``torch.nn.modules.module``
``_has_any_global_hook``, which PyTorch 2.1 lacks, and the mappings of hooks on
all modules, such as ``_global_forward_hooks``. Public functions register
hooks, none lists or copies them up to PyTorch 2.14.
"""
import copy
from typing import Callable, Dict, List

from torch import nn

HOOKS = ('_forward_hooks', '_forward_pre_hooks', '_backward_hooks',
         '_backward_pre_hooks')
GLOBAL = [f'_global{name}' for name in HOOKS]
# the mappings and their options, such as `_forward_hooks_with_kwargs`
KINDS = ('_forward_', '_backward_')


def any_global_hook() -> bool:
    """Return True if all modules have a hook, or where PyTorch hides them."""
    return any(getattr(nn.modules.module, name, True) for name in GLOBAL)


has_global_hooks = getattr(nn.modules.module, '_has_any_global_hook',
                           any_global_hook)


def has_hooks(module: nn.Module) -> bool:
    """Return True if a module has hooks of its own on forward or backward."""
    return any(getattr(module, name, None) for name in HOOKS)


def is_bare(module: nn.Module) -> bool:
    """Return True if a call of a module is its class's forward, no more."""
    own = vars(module)
    return not ('forward' in own or own['_forward_hooks']
                or own['_forward_pre_hooks'] or own['_backward_hooks']
                or own['_backward_pre_hooks'] or has_global_hooks())


def hooks_of(module: nn.Module) -> List[dict]:
    """Return the mappings of a module's hooks on forward and backward."""
    return [
        hooks for name, hooks in vars(module).items()
        if name.startswith(KINDS) and isinstance(hooks, dict)
    ]


def pre_hooks_of(module: nn.Module) -> Dict[int, Callable]:
    """Return the mapping of the hooks that run before a module's forward."""
    return module._forward_pre_hooks


def drop_hooks(module: nn.Module, is_ours: Callable[[Callable], bool]) -> None:
    """Remove some of a module's hooks on its forward.

    Args:
        module: The module.
        is_ours: Function that tells whether to remove a hook.
    """
    for name in HOOKS[:2]:
        hooks = getattr(module, name)
        for key in [key for key, hook in hooks.items() if is_ours(hook)]:
            del hooks[key]


def copy_hooks(source: nn.Module, target: nn.Module, memo: dict) -> None:
    """Give a module copies of the hooks of another, with their options.

    Args:
        source: The module that has the hooks.
        target: The module that gets them and loses its own of the same kinds.
        memo: The memo of the deep copy that both are a part of.
    """
    for name, hooks in vars(source).items():
        if name.startswith(KINDS) and hooks:
            setattr(target, name, copy.deepcopy(hooks, memo))
    if source._backward_hooks:  # of either kind
        target._is_full_backward_hook = source._is_full_backward_hook
