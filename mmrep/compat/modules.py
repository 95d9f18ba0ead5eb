"""The content of a module, as the mappings that torch itself keeps.

Uses: ``_modules``, ``_parameters`` and ``_buffers`` of ``nn.Module``. The
public ``named_children`` and its like leave out entries that are None and
modules that stand in one parent twice, and cannot set an entry without the
hooks of registration. No public function gives the mappings up to PyTorch
2.14. ``_metadata`` holds the versions of the modules of a state dict; only
``load_state_dict`` reads it, and nothing public gives it.
"""
import copy
from typing import Any, Dict, List, Mapping, Optional

from torch import Tensor, nn

TREES = ('_parameters', '_buffers', '_modules')


def children_of(module: nn.Module) -> Dict[str, Optional[nn.Module]]:
    """Return the mapping of a module's children by name, None included.

    Children are in order. Setting an entry replaces a child; no hook of
    registration sees it.

    Args:
        module: The parent.
    """
    return module._modules


def parameters_of(module: nn.Module) -> Dict[str, Optional[nn.Parameter]]:
    """Return the mapping of a module's own parameters, None included."""
    return module._parameters


def parameter(module: nn.Module, name: str) -> Any:
    """Return an attribute of a module, sooner where it is a parameter."""
    own = module._parameters
    return own[name] if name in own else getattr(module, name)


def buffers_of(module: nn.Module) -> Dict[str, Optional[Tensor]]:
    """Return the mapping of a module's own buffers by name, None included."""
    return module._buffers


def trees_of(module: nn.Module) -> List[dict]:
    """Return the mappings of a module's parameters, buffers and children."""
    return [getattr(module, name) for name in TREES]


def shallow_copy(module: nn.Module) -> nn.Module:
    """Copy a module so that the original keeps children replaced in the copy.

    Args:
        module: The original, which shares its children, parameters and
            buffers with the copy.
    """
    twin = copy.copy(module)
    twin._modules = dict(module._modules)
    return twin


def versions_of(state_dict: Mapping) -> Any:
    """Return the versions of modules in a state dict, None if it has none."""
    return getattr(state_dict, '_metadata', None)
