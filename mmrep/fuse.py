"""Fuse any model: every re-parameterized layer becomes a plain convolution."""
import copy
from typing import Iterator

from torch import nn

from .layers import RepConv2d


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


def rep_layers(module: nn.Module) -> Iterator[RepConv2d]:
    """The outermost re-parameterized layers of a module, each once."""
    seen = set()

    def walk(module: nn.Module) -> Iterator[RepConv2d]:
        if id(module) in seen:
            return
        seen.add(id(module))
        if isinstance(module, RepConv2d):
            yield module
            return
        for child in module._modules.values():
            if child is not None:
                yield from walk(child)

    return walk(module)
