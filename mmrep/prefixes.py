"""Prefixes of the names of weights: those under one, and those without."""
import copy
import re
from typing import Dict, Mapping, Pattern, TypeVar

from torch import Tensor

from .errors import UserError

Weights = TypeVar('Weights', bound=Mapping[str, Tensor])
DDP = 'module.'  # of EMAHook's averages, too
# `torch.compile` of a model, before or after it is wrapped
WRAPPERS = re.compile(r'(_orig_mod\.)*(module\.)?(_orig_mod\.)*')
# of a backbone in a file of any code
AROUND_BACKBONE = re.compile(r'((module|_orig_mod|model|backbone)\.)*')


def under(weights: Mapping[str, Tensor], prefix: str) -> Dict[str, Tensor]:
    """The weights whose names begin with a prefix, by the rest of these.

    Args:
        weights: Of a model, by name.
        prefix: With the dot at its end; an empty one is that of all.
    """
    return {
        name[len(prefix):]: tensor
        for name, tensor in weights.items() if name.startswith(prefix)
    }


def without_module(weights: Weights) -> Weights:
    """Names without the ``module.`` of DDP, as mmengine loads them.

    Args:
        weights: By name; modules' versions are kept.

    Raises:
        UserError: That would make one of two names.
    """
    return without(re.compile(re.escape(DDP)), weights, repr(DDP))


def without_wrappers(weights: Weights) -> Weights:
    """Names without those of DDP and ``torch.compile`` around the model.

    Args:
        weights: By name; modules' versions are kept.

    Raises:
        UserError: That would make one of two names.
    """
    return without(WRAPPERS, weights, "'module.' or '_orig_mod.'")


def without(prefix: Pattern, weights: Weights, told: str) -> Weights:
    """Names without what a pattern finds at their beginning.

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
