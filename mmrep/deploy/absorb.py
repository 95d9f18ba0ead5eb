"""Move the biases that fusing makes into the norms that follow."""
import torch
from mmengine.utils.dl_utils.parrots_wrapper import _BatchNorm
from torch import nn

from ..fuse import rep_layers


@torch.no_grad()
def absorb_biases(fused: nn.Module, model: nn.Module) -> nn.Module:
    """Drop the biases that ``model`` did not have, where a norm follows.

    ``norm(x + b) == norm'(x)`` with ``mean' = mean - b``, norms in eval.
    Stock nets have no bias in front of a norm.

    Args:
        fused: The fused copy, changed in place. Modules must lie in the
            order of their use, as in all hosts.
        model: The net in training form.

    Returns:
        ``fused``.
    """
    unbiased = {id(m) for m in rep_layers(model) if m.bias is None}
    names = [n for n, m in model.named_modules() if id(m) in unbiased]
    for name in names:
        parent_name, _, last = name.rpartition('.')
        children = fused.get_submodule(parent_name)._modules
        following = dict(zip(children, list(children.values())[1:])).get(last)
        conv = children[last]
        if conv.bias is not None and isinstance(following, _BatchNorm):
            following.running_mean -= conv.bias
            conv.bias = None
    return fused
