"""Refusals of nets that other libraries' converters would damage."""
from typing import Any

from torch import nn

from .compat.batch_norms import has_statistics, is_batch_norm
from .errors import UserError
from .layers import RepConv2d

# attribute of a convolution whose bias fusing made; copies of it keep this
MADE = 'bias_made_by_fusing'


def refuse(what: str, *values: Any) -> None:
    """Refuse modules with re-parameterized layers inside.

    Args:
        what: The converter's name.
        *values: The converter's arguments.

    Raises:
        UserError: One of the arguments has such a layer.
    """
    for value in values:
        for module in value.modules() if isinstance(value, nn.Module) else ():
            if isinstance(module, RepConv2d):
                raise UserError(
                    f'{what} would take the weight of a '
                    f'{type(module).__name__} for its whole kernel: call it '
                    'on what `mmrep.fuse(model)` gives')


def refuse_biases(what: str, *values: Any) -> None:
    """Refuse biases that fusing made where a norm may follow.

    Hosts' converters leave out such biases, since stock nets have none.

    Args:
        what: The converter's name.
        *values: The converter's arguments.

    Raises:
        UserError: One of the arguments has such a bias.
    """
    modules = [
        module for value in values if isinstance(value, nn.Module)
        for module in value.modules()
    ]
    widths = {
        len(module.running_mean)
        for module in modules
        if is_batch_norm(module) and has_statistics(module)
    }
    for module in modules:
        if getattr(module, MADE, False) and module.bias is not None and (len(
                module.bias) in widths):
            raise UserError(
                f'{what} may leave out the bias that fusing gave to a '
                'convolution in front of a batch norm: give `example`, the '
                'arguments of its forward, to mmrep.fuse, so that this bias '
                'goes into the norm')
