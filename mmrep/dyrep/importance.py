"""Which branches of a block do little."""
from typing import Dict, Iterator, List, Tuple

import torch
from torch import nn

from ..layers import BranchedConv2d
from .sites import Patterns, Site, convolutions_in

SMALL = 0.1  # over the kxk: no branch above is cut
DEAD = 0.1  # over `init_gamma`: all branches below are cut


def find_blocks(model: nn.Module,
                scope: Patterns) -> Iterator[Tuple[Site, BranchedConv2d]]:
    """The blocks that have branches and train, those inside first."""
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
    """Mean |gamma| of each branch's last norm over the kxk's.

    DyRep, section 4.2, where the kxk begins with a gamma of 1. Branches
    without a norm are left out; none are there where the kxk has none.
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
    """The branches to cut, by the importance of each.

    As in the official code: once the importances differ by more than
    ``threshold`` (their standard deviation), those that are below the mean
    and below 0.1. And, what that rule never meets, those that have fallen
    below a tenth of what they began with.
    """
    if not weights:
        return []
    values = torch.tensor(list(weights.values()), dtype=torch.double)
    differ = len(values) > 1 and values.std() > threshold
    limit = min(SMALL, values.mean()) if differ else 0
    limit = max(limit, DEAD * init_gamma)
    return [name for name, weight in weights.items() if weight < limit]
