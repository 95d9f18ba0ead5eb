"""The weights with which new branches begin."""
import math

import torch

from ..layers.branches import Branch
from ..layers.staged import PointwiseKxK


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
    if isinstance(branch, PointwiseKxK):
        branch.set_first(branch.first.clone())
