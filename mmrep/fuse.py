"""Fuse any model: every re-parameterized layer becomes a plain convolution."""
import copy

from torch import nn

from .walk import rep_layers


def fuse(model: nn.Module) -> nn.Module:
    """Copy a model with each :class:`RepConv2d` as one ``nn.Conv2d``.

    The copy computes what the model computes in eval mode; the model itself
    stays as it is. The root may itself be such a layer; a layer that stands
    in several places is one convolution in all of them.

    Args:
        model: Any module, with or without re-parameterized layers.

    Returns:
        The fused copy, in the mode, dtype and on the device of ``model``.
    """
    memo = {id(layer): layer.fuse() for layer in rep_layers(model)}
    return copy.deepcopy(model, memo)
