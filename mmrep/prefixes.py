"""Prefixes of the names of weights: find what is under one, or cut it off."""
import copy
import re
from typing import Dict, Mapping, Pattern, TypeVar

from torch import Tensor

from .errors import UserError

Weights = TypeVar('Weights', bound=Mapping[str, Tensor])
DDP = 'module.'  # of EMAHook's averages, too
COMPILED = '_orig_mod.'
# `torch.compile` of a model, before or after it is wrapped
WRAPPERS = re.compile(r'(_orig_mod\.)*(module\.)?(_orig_mod\.)*')
# of a backbone in a file of any code
AROUND_BACKBONE = re.compile(r'((module|_orig_mod|model|backbone)\.)*')


def under(weights: Mapping[str, Tensor], prefix: str) -> Dict[str, Tensor]:
    """Select the weights whose names begin with a prefix, and cut it off.

    Args:
        weights: Of a model, by name.
        prefix: With the dot at its end; an empty one is that of all.
    """
    return {
        name[len(prefix):]: tensor
        for name, tensor in weights.items() if name.startswith(prefix)
    }


def without_module(weights: Weights) -> Weights:
    """Cut the ``module.`` of DDP off, as mmengine does when it loads.

    Args:
        weights: By name; modules' versions are kept.

    Raises:
        UserError: That would make one of two names.
    """
    return without(re.compile(re.escape(DDP)), weights, repr(DDP))


def without_wrappers(weights: Weights) -> Weights:
    """Cut off what DDP and ``torch.compile`` put before names.

    Args:
        weights: By name; modules' versions are kept.

    Raises:
        UserError: That would make one of two names.
    """
    ddp = any(name.startswith(DDP) for name in weights)
    return without(WRAPPERS, weights, repr(DDP if ddp else COMPILED))


def without(prefix: Pattern, weights: Weights, told: str) -> Weights:
    """Cut off what a pattern finds at the beginning of names.

    Args:
        prefix: The pattern.
        weights: By name; modules' versions are kept.
        told: What the pattern finds, for the message.

    Raises:
        UserError: That would make one of two names.
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
