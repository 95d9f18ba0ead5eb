"""Prefixes of weights' names: select weights by one, or cut it off."""
import copy
import re
from typing import Dict, Mapping, Pattern, TypeVar

from torch import Tensor

from .errors import UserError

Weights = TypeVar('Weights', bound=Mapping[str, Tensor])
DDP = 'module.'  # EMAHook's averages have it, too
COMPILED = '_orig_mod.'
# a model may be compiled before or after DDP wraps it
WRAPPERS = re.compile(r'(_orig_mod\.)*(module\.)?(_orig_mod\.)*')
# prefixes of a backbone's names, in a file written by any code
AROUND_BACKBONE = re.compile(r'((module|_orig_mod|model|backbone)\.)*')


def under(weights: Mapping[str, Tensor], prefix: str) -> Dict[str, Tensor]:
    """Select the weights whose names begin with a prefix, and cut it off.

    Args:
        weights: A model's weights by name.
        prefix: The prefix, with a dot at its end; an empty one selects all.
    """
    return {
        name[len(prefix):]: tensor
        for name, tensor in weights.items() if name.startswith(prefix)
    }


def without_module(weights: Weights) -> Weights:
    """Cut off the ``module.`` of DDP, as mmengine does when it loads.

    Args:
        weights: The weights by name; the versions of modules are kept.

    Raises:
        UserError: Two names would become one.
    """
    return without(re.compile(re.escape(DDP)), weights, repr(DDP))


def without_compiler(weights: Weights) -> Weights:
    """Cut off the prefix of ``torch.compile``.

    Args:
        weights: The weights by name; the versions of modules are kept.

    Raises:
        UserError: Two names would become one.
    """
    return without(re.compile(re.escape(COMPILED)), weights, repr(COMPILED))


def without_wrappers(weights: Weights) -> Weights:
    """Cut off the prefixes of DDP and ``torch.compile``.

    Args:
        weights: The weights by name; the versions of modules are kept.

    Raises:
        UserError: Two names would become one.
    """
    ddp = any(name.startswith(DDP) for name in weights)
    return without(WRAPPERS, weights, repr(DDP if ddp else COMPILED))


def without(prefix: Pattern, weights: Weights, told: str) -> Weights:
    """Cut off whatever a pattern matches at the beginning of names.

    Args:
        prefix: The pattern.
        weights: The weights by name; the versions of modules are kept.
        told: The prefix in words, for the message.

    Raises:
        UserError: Two names would become one.
    """
    out = copy.copy(weights)  # with `_metadata`
    out.clear()
    for name, tensor in weights.items():
        found = prefix.match(name)
        short = name[found.end():] if found else name
        if short in out:
            raise UserError(f'the checkpoint has {short!r} twice, with and '
                            f'without {told}')
        out[short] = tensor
    return out
