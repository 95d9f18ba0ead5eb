"""Move the biases that fusing makes into the norms that follow."""
from collections import Counter
from typing import List, Optional, Tuple

import torch
from mmengine.utils.dl_utils.parrots_wrapper import _BatchNorm
from torch import nn

from ..walk import rep_layers


@torch.no_grad()
def absorb_biases(fused: nn.Module, model: nn.Module) -> nn.Module:
    """Drop the biases that ``model`` did not have, where norms follow.

    ``norm(x + b) == norm'(x)`` with ``mean' = mean - b``, norms in eval.
    Stock nets have no bias in front of a norm. A conv that stands in several
    places keeps its bias unless a norm follows in each.

    Args:
        fused: The fused copy, changed in place. Modules must lie in the
            order of their use, as in all hosts.
        model: The net in training form.

    Returns:
        ``fused``.
    """
    unbiased = {id(m) for m in rep_layers(model) if m.bias is None}
    names = [n for n, m in model.named_modules() if id(m) in unbiased]
    convs = [fused.get_submodule(name) for name in names]
    behind = {
        conv: {
            _following_norm(parent, name)
            for parent, name in _places(fused, conv)
        }
        for conv in convs
    }
    users = Counter(norm for norms in behind.values() for norm in norms)
    for conv, norms in behind.items():
        if conv.bias is not None and None not in norms and all(
                users[norm] == 1 and _fits(norm, conv, fused)
                for norm in norms):
            for norm in norms:
                norm.running_mean -= conv.bias
            conv.bias = None
    return fused


def _places(model: nn.Module, conv: nn.Module) -> List[Tuple[nn.Module, str]]:
    return [(parent, name) for parent in model.modules()
            for name, child in parent._modules.items() if child is conv]


def _following_norm(parent: nn.Module, name: str) -> Optional[nn.Module]:
    order = getattr(parent, 'order', ('conv', 'norm'))  # mmcv's ConvModule
    if 'norm' in order and order.index('norm') < order.index('conv'):
        return None
    names = list(parent._modules)
    after = names[names.index(name) + 1:][:1]
    norm = parent._modules[after[0]] if after else None
    counts = getattr(norm, 'running_mean', None) is not None
    return norm if counts and isinstance(norm, _BatchNorm) else None


def _fits(norm: nn.Module, conv: nn.Module, model: nn.Module) -> bool:
    """Whether the norm is as wide as the conv, and behind it alone."""
    alone = len(_places(model, norm)) <= len(_places(model, conv))
    return alone and norm.num_features == conv.out_channels
