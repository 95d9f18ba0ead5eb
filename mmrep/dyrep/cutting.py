"""Cut branches of little importance; the function of the block stays."""
from typing import Callable, Iterable, List, Optional, Sequence

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

from .. import kernel as K
from ..kernel import Kernel
from ..layers import BranchedConv2d
from .calibration import Statistics, measure
from .growing import branches_kernel, match, norms_around
from .sites import Site, block_at

TINY = 1e-3  # of the mean: scales below this are no divisors


@torch.no_grad()
def average_buffers(block: nn.Module) -> None:
    """Average the statistics of a block over all processes.

    Kernels are computed from statistics, so all processes need the same.
    """
    for buffer in block.buffers():
        if buffer.is_floating_point():
            all_reduce(buffer, 'mean')


@torch.no_grad()
def absorb(block: BranchedConv2d, names: Sequence[str]) -> None:
    """Add branches to the kxk and remove them (DyRep, equation 10).

    In eval mode the block computes the same; for training mode see
    :func:`rematch`.

    Args:
        block: The block, which is changed in place.
        names: Names of the branches to absorb.
    """
    added = branches_kernel(block, names)
    scale = _safe_scale(block)
    _add(block, K.scale(Kernel(added.weight), 1 / scale).weight)
    block.norm.bias += added.bias
    for name in names:
        del block.branches[name]


def _add(block: BranchedConv2d, weight: Tensor) -> None:
    """Add a weight to the kxk kernel, in front of its norm."""
    if block.kxk is None:
        block.weight += weight
        return
    inner = block.kxk
    if inner.norm is not None:
        weight = weight / _safe_scale(inner)[:, None, None, None]
    _add(inner, weight)


def _safe_scale(block: BranchedConv2d) -> Tensor:
    """Return the scale of the kxk's norm, which is then a safe divisor.

    A channel whose scale nearly vanished gets the mean scale. The kernel in
    front of the norm takes the ratio, so that the function stays.
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
    """Multiply the kernel in front of the kxk's norm, channel by channel."""
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
    """Return the blocks with a norm on the way to the innermost kxk.

    The innermost comes first. An addition to the kxk changes the inputs of
    their norms.
    """
    blocks = []
    while isinstance(block, BranchedConv2d):
        blocks.insert(0, block)
        block = block.kxk
    return [b for b in blocks if b.norm is not None]


@torch.no_grad()
def rematch(block: BranchedConv2d, before: Statistics,
            after: Statistics) -> None:
    """Fit the norm of the kxk to its new inputs; its function stays.

    The running statistics change as those of the batches do. The scale and
    the shift of the norm stay, also in training mode.

    Args:
        block: One of the :func:`kxk_blocks` of a block that lost branches.
        before: Statistics of the norm's inputs before the cut.
        after: Statistics of the norm's inputs after the cut.
    """
    norm = block.norm
    scale, shift = K.norm_affine(norm)
    mean = norm.running_mean + (after[0] - before[0]).to(norm.running_mean)
    ratio = ((after[1] + norm.eps) / (before[1] + norm.eps)).to(mean)
    var = (norm.running_var + norm.eps) * ratio - norm.eps
    match(norm, scale, shift, (mean, var.clamp_min(0)))


def close_all(model: nn.Module, site: Site) -> None:
    """Make the block at a site and those around it plain, where possible.

    Args:
        model: The model that contains the block.
        site: The site of the block.
    """
    while close(model, site) and site.inside:
        site = site.outer


@torch.no_grad()
def close(model: nn.Module, site: Site) -> bool:
    """Make a block plain if it has no branches left.

    Its norm goes into the kernel and into the norms behind.

    Args:
        model: The model that contains the block.
        site: The site of the block.

    Returns:
        True if the block became plain. It stays if nothing can take the bias,
        which is a norm behind or, while the block's norm is in eval mode, the
        block's own bias. A norm that trains removes the scale of each batch,
        and so does a norm behind.
    """
    block, behind = block_at(model, site), norms_around(model, site)
    if block.branches or block.kxk is not None or block.norm is None:
        return False
    takes_bias = block.bias is not None and not block.norm.training
    if block.sum_norm is not None or not (behind or takes_bias):
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


@torch.no_grad()
def cut(models: Sequence[nn.Module], site: Site, names: Sequence[str],
        inputs: Callable[[], Iterable[Tensor]]) -> None:
    """Cut branches of the block at a site.

    Args:
        models: The model, then the averaged models that follow it.
        site: The site of the block.
        names: Names of the branches to cut.
        inputs: Function that returns the inputs of the block in the first
            model.
    """
    for model in models:
        for inner in kxk_blocks(block_at(model, site)):
            _safe_scale(inner)
    block = block_at(models[0], site)

    def seen(inner: BranchedConv2d) -> Optional[Statistics]:
        return measure(block, [inner.norm], inputs()).get(inner.norm)

    before = [seen(inner) for inner in kxk_blocks(block)]
    for model in models:
        absorb(block_at(model, site), names)
    for depth, inner in enumerate(kxk_blocks(block)):
        after = seen(inner)
        for model in models if after else ():
            theirs = kxk_blocks(block_at(model, site))[depth]
            rematch(theirs, before[depth], after)
    for model in models:
        close_all(model, site)
