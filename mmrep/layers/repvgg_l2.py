"""The L2 penalty of a RepVGG block, of the kernel it fuses to."""
from typing import Optional

import torch
from torch import Tensor, nn

from ..kernel import norm_affine
from .repvgg import RepVGGConv2d

BRANCHES = {'1x1', 'identity'}


def l2(layer: RepVGGConv2d) -> Tensor:
    """Return ``|K|^2`` of the kernel around its centre and the fused centre.

    The fused centre adds ``|t_k c + t_1 K1|^2 / (t_k^2 + t_1^2)``, as in the
    official repository of RepVGG (Ding et al., CVPR 2021): ``c`` is the centre
    of the kxk, ``K1`` the 1x1, and ``t = gamma / sqrt(var + eps)`` the scale
    of the norm of each. That is comparable to an L2 penalty of the kernels
    themselves. No gradient goes into the norms.

    Args:
        layer: A block for which :func:`why_no_l2` returns None.

    Returns:
        A scalar of at least single precision.
    """
    first, second = layer.norm, layer.branches['1x1'].norm
    t_k, t_1 = (
        norm_affine(norm)[0].detach()[:, None, None, None]
        for norm in (first, second))
    kernel, pointwise = map(_precise,
                            (layer.weight, layer.branches['1x1'].weight))
    top, left = (size // 2 for size in layer.kernel_size)
    centre = kernel[:, :, top:top + 1, left:left + 1]
    around = kernel.pow(2).sum() - centre.pow(2).sum()
    scale = (t_k.pow(2) + t_1.pow(2)).clamp_min(torch.finfo(t_k.dtype).tiny)
    fused = (t_k * centre + t_1 * pointwise).pow(2) / scale
    return around + fused.sum()


def _precise(tensor: Tensor) -> Tensor:
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def why_no_l2(layer: nn.Module) -> Optional[str]:
    """Return why the formula of :func:`l2` is not for this block.

    Returns:
        The end of a sentence on the block, None if the formula is for it.
    """
    if not isinstance(layer, RepVGGConv2d):
        return 'is no RepVGGConv2d'
    if layer.kxk is not None:
        return 'has a block in place of its kxk kernel'
    if not all(size % 2 for size in layer.kernel_size):
        return f'has a kernel without a centre (={layer.kernel_size})'
    branches = dict(layer.branches)
    if '1x1' not in branches or not branches.keys() <= BRANCHES:
        return f'has the branches {sorted(branches)} in place of 1x1, identity'
    if layer.norm is None or branches['1x1'].norm is None:
        return 'has no norms in its kxk and its 1x1'
    return 'has a norm behind its sum' if layer.sum_norm is not None else None
