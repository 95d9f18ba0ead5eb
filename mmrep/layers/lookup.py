"""Names in mmengine's registries: looked up, never imported.

A name may come from a file, and ``Registry.get`` would import the module of a
name that it does not know.
"""
from typing import Any, Dict

from mmengine.registry import MODELS
from torch import nn


def registered(name: str) -> Any:
    """Return the object of this name in the current scope, or None.

    The registries of the current scope are asked first, then that of the
    scope in the name.

    Args:
        name: Name as in a config, with or without a scope: ``'mmdet.BN'``.
    """
    with MODELS.switch_scope_and_registry(None) as registry:
        while registry is not None:
            if name in registry.module_dict:
                return registry.module_dict[name]
            registry = registry.parent
    scope, _, own = name.partition('.')
    scoped = {MODELS.scope: MODELS, **MODELS.children}.get(scope)
    return None if scoped is None else scoped.module_dict.get(own)


def all_registered() -> Dict[str, Any]:
    """Return everything in mmengine's registries by names of any scope.

    The root registry's names are plain, those of a host's own registry begin
    with its scope: ``'mmdet.ResNet'``.
    """
    found = dict(MODELS.module_dict)
    for scope, child in MODELS.children.items():
        found.update((f'{scope}.{name}', thing)
                     for name, thing in child.module_dict.items())
    return found


def class_of(module: nn.Module) -> type:
    """Return the class of a module, not one that torch derived from it.

    torch derives classes for a while, for parametrizations and sharding.
    """
    return next(
        kind for kind in type(module).__mro__
        if not kind.__module__.startswith('torch.'))


def registered_name(module: nn.Module) -> str:
    """Return the name by which a config builds a module of this class."""
    kind = class_of(module)
    names = [n for n, other in all_registered().items() if other is kind]
    return kind.__name__ if kind.__name__ in names or not names else names[0]
