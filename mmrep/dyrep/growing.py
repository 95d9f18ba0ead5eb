"""Give a trained convolution branches; its function stays."""
from typing import Iterable, List

import torch
from torch import Tensor, nn

from .. import kernel as K
from .. import random_state
from ..errors import UserError
from ..layers import BranchedConv2d
from ..layers.branch_names import Branches
from ..layers.frozen_norms import takes_batches
from ..nets.following import norms_behind, places
from .calibration import Statistics, measure
from .new_weights import as_authors, draw
from .sites import Site, block_at, open_block

NORMS = ('kxk', 'branches')


def norms_around(model: nn.Module, site: Site) -> List[nn.Module]:
    """Return the norms directly behind the block at a site.

    Args:
        model: The model that contains the block.
        site: The site of the block.
    """
    if not site.inside:
        block = model.get_submodule(site.layer)
        return norms_behind(block, places(model))
    outer = block_at(model, site.outer)
    nested = site.inside[-1] == 'second'
    behind = outer.branches['1x1_kxk'].norm if nested else outer.norm
    return [] if behind is None else [behind]


@torch.no_grad()
def add_branches(model: nn.Module, site: Site, branches: Branches,
                 seed: int) -> BranchedConv2d:
    """Give the block at a site branches with random weights (:func:`draw`).

    The norms take the mode of those behind the block. The block computes
    something else until :func:`compensate`. This seeds PyTorch's global random
    numbers.

    Args:
        model: The model that contains the block.
        site: The site of the block.
        branches: Names of the branches, or their options by name.
        seed: The seed of the weights.

    Returns:
        The block, which is new if the site had a plain convolution.
    """
    block = open_block(model, site)
    behind = norms_around(model, site)
    torch.manual_seed(random_state.folded(seed))
    block.set_options(
        as_authors(branches, block.in_channels), NORMS, kxk=False)
    for branch in block.branches.values():
        draw(branch)
    for norm in block.norms_inside() if behind else ():
        norm.train(takes_batches(behind[0]))
    return block


@torch.no_grad()
def compensate(block: BranchedConv2d, inputs: Iterable[Tensor],
               init_gamma: float) -> None:
    """Make a block with new branches compute what its kernel did before.

    DyRep, section 4.1: statistics of the norms are calibrated, the last gamma
    of each branch is small and the kernels of the branches are subtracted
    from the kxk. The norm of the kxk is matched in addition: its gamma and
    beta are the standard deviation and the mean of its inputs, so that it
    changes nothing in training mode either.

    Args:
        block: A block with norms in its kxk and its branches.
        inputs: Inputs of the block, one for each batch.
        init_gamma: Last gamma of the branches as a multiple of the kxk's in
            each channel, which is 1 in the paper. A channel of small outputs
            keeps them small.

    Raises:
        UserError: There are no inputs to calibrate on.
    """
    statistics = measure(block, block.norms_inside(), inputs)
    if block.norm not in statistics:
        raise UserError(
            'a convolution that is to grow got no input from the last '
            'batches: `scope` may only name modules that every batch runs '
            'through')
    for norm, (mean, var) in statistics.items():
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(var)
    mean, var = statistics[block.norm]
    gamma = (var + block.norm.eps).sqrt()
    for branch in block.branches.values():
        branch.norm.weight.copy_(init_gamma * gamma)
    added = branches_kernel(block, block.branches)
    block.weight -= added.weight
    # the branches have the mean 0, so this is the mean of the kxk alone
    match(block.norm, torch.ones_like(gamma), -added.bias,
          (mean + added.bias, var))


def branches_kernel(block: BranchedConv2d, names: Iterable[str]) -> K.Kernel:
    """Return the sum of some branches as one kernel, with norms in eval mode.

    Args:
        block: The block that has the branches.
        names: Names of the branches.
    """
    geometry = block.geometry
    return K.add(*[block.branches[name].kernel(geometry) for name in names])


@torch.no_grad()
def match(norm: nn.Module, scale: Tensor, shift: Tensor,
          statistics: Statistics) -> None:
    """Make a norm compute ``x -> scale * x + shift``.

    In training mode it does so on batches with these statistics.

    Args:
        norm: The batch norm, which is changed in place.
        scale: The factor of each channel.
        shift: The summand of each channel.
        statistics: Mean and variance of the norm's inputs.
    """
    mean, var = statistics
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(var)
    norm.weight.copy_(scale * (var + norm.eps).sqrt())
    norm.bias.copy_(shift + scale * mean)


@torch.no_grad()
def follow_growth(other: nn.Module, site: Site, block: BranchedConv2d,
                  before: Tensor) -> None:
    """Grow an averaged model like the model that it averages.

    Its new branches are copies of the model's; its own kernel is compensated.

    Args:
        other: The averaged model.
        site: The site of the block.
        block: The block of the model, which has grown.
        before: The kernel of ``block`` before it grew.
    """
    behind = norms_around(other, site)
    theirs = open_block(other, site)
    theirs.set_options(list(block.branches), NORMS, block.norm_cfg, kxk=False)
    for norm in theirs.norms_inside() if behind else ():
        norm.train(takes_batches(behind[0]))
    state = block.state_dict()
    state['weight'] = theirs.weight + (block.weight - before).to(theirs.weight)
    if theirs.bias is not None:
        state['bias'] = theirs.bias
    theirs.load_state_dict(state)
