"""The weights and options with which new branches begin."""
import math
from typing import Dict

import torch

from ..layers.branch import Branch
from ..layers.branch_names import Branches


@torch.no_grad()
def draw(branch: Branch) -> None:
    """Draw random weights for a new branch, as DyRep's official code does.

    Each kernel is normal with the standard deviation ``sqrt(2 / (k_h k_w
    out_channels))``, for any number of groups. So is the first 1x1 of a
    branch, which in DBB begins as the identity. Norms keep their initial
    values, and a block inside a branch keeps the weights of its own kind.

    Args:
        branch: A branch that was just made, of a block of any geometry.
    """
    for weight in branch.weights():
        out_channels, _, height, width = weight.shape
        weight.normal_(0, math.sqrt(2 / (height * width * out_channels)))


def as_authors(branches: Branches, channels: int) -> Dict[str, dict]:
    """Return the options of new branches, 1x1-kxk as in the official code.

    The 1x1 of 1x1-kxk is stored as it is, so that it decays to zero, and has
    as many output channels as the block has inputs, for depthwise
    convolutions too. DBB stores the difference from the identity, and makes it
    twice as wide in depthwise convolutions.

    Args:
        branches: Names of the branches, or options by name, which take
            precedence.
        channels: Number of the block's input channels.
    """
    names = [branches] if isinstance(branches, str) else branches
    options = dict(
        branches if isinstance(branches, dict) else dict.fromkeys(names, {}))
    if '1x1_kxk' in options:
        own = dict(channels=channels, difference=False)
        options['1x1_kxk'] = {**own, **options['1x1_kxk']}
    return options
