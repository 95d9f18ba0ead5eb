"""Move the biases that fusing makes into the norms that follow."""
import torch
from torch import nn

from ..following import norms_behind, places
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
    found = places(fused)
    for conv in {fused.get_submodule(name): None for name in names}:
        norms = norms_behind(conv, found)
        if conv.bias is None or not norms:
            continue
        for norm in norms:
            norm.running_mean -= conv.bias
        conv.bias = None
    return fused
