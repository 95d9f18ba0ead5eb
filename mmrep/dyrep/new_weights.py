"""The weights with which new branches begin."""
import math
from typing import Dict

import torch

from ..layers.branch import Branch
from ..layers.branch_names import Branches


@torch.no_grad()
def draw(branch: Branch) -> None:
    """Random weights for a new branch, as in the code of DyRep's authors.

    Each kernel is normal with the standard deviation ``sqrt(2 / (k_h k_w
    out_channels))``, whatever its groups. So is the first 1x1 of a branch,
    which in DBB begins as the identity. Norms are as they are made: all
    branches are, and a block inside of one keeps the weights of its own kind.

    Args:
        branch: Just made, of a block of any geometry.
    """
    for weight in branch.weights():
        out_channels, _, height, width = weight.shape
        weight.normal_(0, math.sqrt(2 / (height * width * out_channels)))


def as_authors(branches: Branches, channels: int) -> Dict[str, dict]:
    """The options of new branches, with those of 1x1-kxk in the authors' code.

    Its 1x1 is stored as it is, to decay to zero, and as wide as the input for
    depthwise convolutions too. DBB's is a difference from the identity, and
    twice as wide there.

    Args:
        branches: Their names, or their options by name, which stay.
        channels: Of the input of the block.
    """
    names = [branches] if isinstance(branches, str) else branches
    options = dict(
        branches if isinstance(branches, dict) else dict.fromkeys(names, {}))
    if '1x1_kxk' in options:
        own = dict(channels=channels, difference=False)
        options['1x1_kxk'] = {**own, **options['1x1_kxk']}
    return options
