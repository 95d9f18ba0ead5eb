"""The importance of a block's branches, and which of them are redundant."""
from typing import Dict, Iterator, List, Tuple

import torch
from torch import nn

from ..layers import BranchedConv2d
from .sites import Patterns, Site, convolutions_in

SMALL = 0.1  # importance: only branches below are cut
DEAD = 0.1  # as a multiple of `init_gamma`: all branches below are cut


def find_blocks(model: nn.Module,
                scope: Patterns) -> Iterator[Tuple[Site, BranchedConv2d]]:
    """Yield the blocks that have branches and train, with their sites.

    A block inside another comes before it.

    Args:
        model: The model that contains the blocks.
        scope: Names of convolutions or of modules around them.
    """
    for conv, name in convolutions_in(model, scope).items():
        if isinstance(conv, BranchedConv2d) and conv.trains:
            yield from _blocks(conv, Site(name))


def _blocks(block: BranchedConv2d,
            site: Site) -> Iterator[Tuple[Site, BranchedConv2d]]:
    for place, inner in block.inner_blocks().items():
        if isinstance(inner, BranchedConv2d):
            yield from _blocks(inner, Site(site.layer, (*site.inside, place)))
    if block.branches:
        yield site, block


def importances(block: BranchedConv2d) -> Dict[str, float]:
    """Return the importance of each branch, by name.

    It is the mean |gamma| of the branch's last norm as a multiple of the
    kxk's: DyRep, section 4.2, where the kxk begins with a gamma of 1. Branches
    without a norm are left out; without a norm in the kxk all are.
    """
    if block.norm is None:
        return {}
    own = block.norm.weight.abs().mean().clamp_min(1e-12)
    return {
        name: (branch.norm.weight.abs().mean() / own).item()
        for name, branch in block.branches.items() if branch.norm is not None
    }


def redundant(weights: Dict[str, float], threshold: float,
              init_gamma: float) -> List[str]:
    """Return the names of the branches to cut.

    The first rule is that of the official code: once the standard deviation
    of the importances exceeds ``threshold``, those below their mean and below
    0.1 are cut. The second rule covers equally weak branches, which the first
    never cuts: those below a tenth of ``init_gamma`` are cut.

    Args:
        weights: The importance of each branch, by name.
        threshold: Standard deviation of the importances above which the first
            rule applies.
        init_gamma: The importance with which branches begin.
    """
    if not weights:
        return []
    values = torch.tensor(list(weights.values()), dtype=torch.double)
    differ = len(values) > 1 and values.std() > threshold
    limit = min(SMALL, values.mean()) if differ else 0
    limit = max(limit, DEAD * init_gamma)
    return [name for name, weight in weights.items() if weight < limit]
