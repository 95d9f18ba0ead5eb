"""The modules that a config imports before its types are looked up."""
import inspect
from typing import Any, List, Set

import mmengine.registry
from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.runner import Runner

from .compat.hosts import HOSTS, OTHER_HOSTS

OWN = __name__.split('.')[0]
# keys of a registered type; an optimizer wrapper has one for its constructor
TYPES = ('type', 'constructor')
# names at the top of a config from which a Runner or a host's tool builds
BUILT = {*inspect.signature(Runner.__init__).parameters, 'tta_model'}


def uses_mmrep(node: Any) -> bool:
    """Return True if a config has a type of ours, at any depth."""
    return _uses(node, _own_names())


def _uses(node: Any, own: Set[str]) -> bool:
    if isinstance(node, (list, tuple)):
        return any(_uses(item, own) for item in node)
    if not isinstance(node, dict):
        return False
    return any(_is_ours(node.get(key), own) for key in TYPES) or any(
        _uses(value, own) for value in node.values())


def _own_names() -> Set[str]:
    """Return the names of the types that we have registered."""
    registries = [
        registry for registry in vars(mmengine.registry).values()
        if isinstance(registry, Registry)
    ]
    return {
        name
        for registry in registries
        for name, kind in registry.module_dict.items() if _is_ours(kind)
    }


def _is_ours(kind: Any, own: Set[str] = frozenset()) -> bool:
    """Return True if a type is ours; its name may have a scope or a path."""
    if not isinstance(kind, str):
        named = inspect.isclass(kind) or inspect.isroutine(kind)
        return named and _is_of_mmrep(kind.__module__ or '')
    return _is_of_mmrep(kind) or kind.split('.')[-1] in own


def _is_of_mmrep(path: str) -> bool:
    return path.split('.')[0] == OWN


def type_name(config: dict) -> str:
    """Return the bare name of a config's type, without a scope or path."""
    kind = config.get('type')
    return getattr(kind, '__name__', str(kind)).split('.')[-1]


def imports_of(cfg: Config) -> List[str]:
    """Return the modules that a config imports, always as a list."""
    imports = (cfg.get('custom_imports') or {}).get('imports') or []
    return [imports] if isinstance(imports, str) else list(imports)


def _built(cfg: Config) -> list:
    """Return the parts of a config that are built; other names are ignored."""
    return [value for key, value in cfg.to_dict().items() if key in BUILT]


def add_import(cfg: Config) -> None:
    """Add mmrep to the imports of a config that uses it.

    Our own tools have imported mmrep already. The hosts' tools, which read
    the config that the Runner writes into the work dir, have not.

    Args:
        cfg: The config, changed in place.
    """
    imports = imports_of(cfg)
    if any(map(_is_of_mmrep, imports)) or not uses_mmrep(_built(cfg)):
        return
    cfg.custom_imports = {
        'allow_failed_imports': False,
        **(cfg.get('custom_imports') or {}), 'imports': [*imports, OWN]
    }


def drop_import(cfg: Config) -> None:
    """Remove mmrep from the imports of a config that does not use it.

    Args:
        cfg: The config, changed in place.
    """
    if uses_mmrep(_built(cfg)):
        return
    imports = [i for i in imports_of(cfg) if not _is_of_mmrep(i)]
    if imports:
        cfg.custom_imports.imports = imports
    else:
        cfg.pop('custom_imports', None)


def needs(cfg: Config) -> str:
    """Return in words what must be installed for a config to be read.

    The host is named if `make test` does not run with it. The imports of the
    user's own modules are not known.
    """
    scope = cfg.get('default_scope')
    host = f'{HOSTS[scope]}, ' if scope in OTHER_HOSTS else ''
    return host + _needed_beside(cfg)


def _needed_beside(cfg: Config) -> str:
    imports = imports_of(cfg)
    others = [name for name in imports if not _is_of_mmrep(name)]
    if not others:
        return OWN if imports else f'no {OWN}'
    found = ', '.join(map(repr, imports))
    return f'its `custom_imports` {found} and whatever these import'
