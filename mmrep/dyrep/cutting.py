"""Taking branches off a block that do little, its function unchanged."""
from typing import Dict, Iterator, List, Sequence, Tuple

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

from .. import kernel as K
from ..kernel import Kernel
from ..layers import BranchedConv2d
from .calibration import Statistics
from .growing import branches_kernel, match, norms_around
from .sites import Patterns, Site, block_at, convolutions_in

SMALL = 0.1  # over the kxk: no branch above is cut
DEAD = 0.1  # over `init_gamma`: all branches below are cut
TINY = 1e-3  # over the mean: nothing is divided by scales below


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


@torch.no_grad()
def average_buffers(block: nn.Module) -> None:
    """Let all processes have the same statistics: kernels come of them."""
    for buffer in block.buffers():
        if buffer.is_floating_point():
            all_reduce(buffer, 'mean')


@torch.no_grad()
def absorb(block: BranchedConv2d, names: Sequence[str]) -> None:
    """Add branches to the kxk and take them off (DyRep, equation 10).

    In eval mode the block computes the same; for training mode see
    :func:`rematch`.
    """
    added = branches_kernel(block, names)
    scale = _safe_scale(block)
    _add(block, K.scale(Kernel(added.weight), 1 / scale).weight)
    block.norm.bias += added.bias
    for name in names:
        del block.branches[name]


def _add(block: BranchedConv2d, weight: Tensor) -> None:
    """Add to the kxk kernel, in front of its norm."""
    if block.kxk is None:
        block.weight += weight
        return
    inner = block.kxk
    if inner.norm is not None:
        weight = weight / _safe_scale(inner)[:, None, None, None]
    _add(inner, weight)


def _safe_scale(block: BranchedConv2d) -> Tensor:
    """The scale of the kxk's norm, by which can be divided.

    Channels whose scale vanished hand it to what is in front of the norm.
    """
    scale, shift = K.norm_affine(block.norm)
    mean = scale.abs().mean()
    tiny = scale.abs() <= TINY * mean
    if not tiny.any():
        return scale
    wanted = torch.where(tiny, mean if mean > 0 else 1.0, scale)
    factor = scale / wanted
    _rescale(block, factor)
    mean = block.norm.running_mean * factor
    var = block.norm.running_var * factor**2
    match(block.norm, wanted, shift, (mean, var))
    return wanted


def _rescale(block: BranchedConv2d, factor: Tensor) -> None:
    """Multiply what is in front of the kxk's norm, channel by channel."""
    if block.kxk is None:
        block.weight *= factor[:, None, None, None]
        return
    inner = block.kxk
    norms = [inner.norm, *(b.norm for b in inner.branches.values())]
    if inner.norm is None:
        _rescale(inner, factor)
    for norm in filter(None, norms):
        norm.weight *= factor
        norm.bias *= factor


def kxk_blocks(block: BranchedConv2d) -> List[BranchedConv2d]:
    """The blocks with a norm on the way to the innermost kxk, that first.

    What is added to the kxk changes what their norms see.
    """
    blocks = []
    while isinstance(block, BranchedConv2d):
        blocks.insert(0, block)
        block = block.kxk
    return [b for b in blocks if b.norm is not None]


@torch.no_grad()
def rematch(block: BranchedConv2d, statistics: Statistics) -> None:
    """Fit the norm of the kxk to what it sees now, its function in eval kept.

    Args:
        block: One of the :func:`kxk_blocks` from which branches were taken.
        statistics: Mean and variance of what the norm sees.
    """
    scale, shift = K.norm_affine(block.norm)
    match(block.norm, scale, shift, statistics)


def close_all(model: nn.Module, site: Site) -> None:
    """Make the block at a site plain, and those around, where possible."""
    while close(model, site) and site.inside:
        site = site.outer


@torch.no_grad()
def close(model: nn.Module, site: Site) -> bool:
    """Make a block plain that has no branches left.

    Its norm goes into the kernel and the norms behind.

    Returns:
        Whether it was possible: something must take the bias.
    """
    block, behind = block_at(model, site), norms_around(model, site)
    if block.branches or block.kxk is not None or block.norm is None:
        return False
    if block.sum_norm is not None or not (behind or block.bias is not None):
        return False
    weight, bias = K.fold_norm(Kernel(block.weight), block.norm)
    block.weight.copy_(weight)
    if block.bias is not None:
        block.bias += bias
    else:
        for norm in behind:
            norm.running_mean -= bias
    block.norm = None
    if site.inside:
        block_at(model, site.outer).unnest(site.inside[-1])
    return True
