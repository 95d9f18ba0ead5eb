"""Plain convolutions: what they are, and how to make one."""
from typing import Optional

import mmcv.cnn
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ..compat.convolutions import edges_as_made
from ..compat.hooks import has_hooks
from ..compat.modules import parameters_of
from ..kernel import Kernel
from .geometry import GEOMETRY, Geometry, like


def why_not_plain(conv: nn.Module) -> Optional[str]:
    """Return why a layer cannot stand for this module; None if it can.

    ``nn.Conv2d`` is plain, and mmcv's wrapper of it, which differs for empty
    inputs only.
    """
    kind = type(conv).__name__
    if hasattr(conv, 'forward_branches'):
        return f'is a {kind} already'
    if getattr(conv, 'transposed', False):
        return f'is a transposed convolution ({kind})'
    if hasattr(conv, 'deform_groups'):
        return f'is a deformable convolution ({kind})'
    if type(conv) not in (nn.Conv2d, mmcv.cnn.Conv2d):
        return f'is a {kind}, no plain nn.Conv2d'
    if 'weight' not in parameters_of(conv) or is_lazy(conv.weight):
        return 'computes its weight from something else'
    reason = _why_not_as_it_says(conv)
    if reason:
        return reason
    if has_hooks(conv):
        return 'has hooks that would be lost'
    if 'forward' in vars(conv):
        return 'has a forward of its own that would be lost'
    return None


def _why_not_as_it_says(conv: nn.Conv2d) -> Optional[str]:
    """Return why attributes that were set later are not true, or None."""
    shape = (conv.out_channels, conv.in_channels // conv.groups,
             *conv.kernel_size)
    if conv.weight.shape != shape:
        return (f'has a weight of another shape (={tuple(conv.weight.shape)}) '
                f'than its attributes say (={shape})')
    if conv.padding_mode != 'zeros' and Geometry.of(
            conv).edges != edges_as_made(conv):
        return (f'pads as it was made, not by `padding` (={conv.padding}) and '
                '`dilation` as they were set later')
    return None


def arguments_of(conv: nn.Conv2d) -> dict:
    """Return the arguments that make a convolution like this one."""
    return dict({name: getattr(conv, name)
                 for name in GEOMETRY},
                bias=conv.bias is not None,
                **like(conv.weight))


def conv_of(layer: nn.Module, kernel: Kernel) -> nn.Conv2d:
    """Return a plain convolution with the geometry of a layer.

    Args:
        layer: A re-parameterized layer.
        kernel: Weight and bias of the convolution, which are copied.
    """
    conv = nn.Conv2d(
        **{name: getattr(layer, name)
           for name in GEOMETRY},
        bias=kernel.bias is not None,
        device='meta')
    weight = kernel.weight.clone(memory_format=memory_format(layer.origin))
    conv.weight = nn.Parameter(weight, layer.trains)
    if kernel.bias is not None:
        conv.bias = nn.Parameter(kernel.bias.clone(), layer.trains)
    return conv.train(layer.training)


def memory_format(weight: Tensor) -> torch.memory_format:
    """Return the memory format of a convolution's weight."""
    if weight.is_contiguous():
        return torch.contiguous_format
    return torch.channels_last
