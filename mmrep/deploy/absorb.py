"""Move the biases that fusing makes into the norms that follow."""
from collections import defaultdict
from typing import Dict, List, Optional, Tuple

import torch
from mmengine.utils.dl_utils.parrots_wrapper import _BatchNorm
from torch import nn

from ..walk import rep_layers

Place = Tuple[nn.Module, str]


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
    places = _places(fused)
    for conv in {fused.get_submodule(name): None for name in names}:
        norms = [_following_norm(*place) for place in places[conv]]
        if conv.bias is None or not all(
                norm is not None and norm.num_features == conv.out_channels
                and norms.count(norm) == len(places[norm]) for norm in norms):
            continue
        for norm in set(norms):
            norm.running_mean -= conv.bias
        conv.bias = None
    return fused


def _places(model: nn.Module) -> Dict[nn.Module, List[Place]]:
    """Where each module is registered: its parents and its names there."""
    places = defaultdict(list)
    for parent in model.modules():
        for name, child in parent._modules.items():
            places[child].append((parent, name))
    return places


def _following_norm(parent: nn.Module, name: str) -> Optional[nn.Module]:
    order = getattr(parent, 'order', ('conv', 'norm'))  # mmcv's ConvModule
    if 'norm' in order and order.index('norm') < order.index('conv'):
        return None
    names = list(parent._modules)
    after = names[names.index(name) + 1:][:1]
    norm = parent._modules[after[0]] if after else None
    counts = getattr(norm, 'running_mean', None) is not None
    return norm if counts and isinstance(norm, _BatchNorm) else None
