"""Freeze stages and norms, in the same way for every backbone."""
from typing import Iterable, List

from torch import nn

from ..compat.batch_norms import is_batch_norm
from ..layers import RepConv2d
from ..layers.frozen_norms import takes_batches
from ..nets.following import norms_behind, places
from ..nets.walk import names


def freeze(modules: Iterable[nn.Module]) -> None:
    """Freeze all parameters, and put all norms and dropouts in eval mode."""
    for module in modules:
        module.eval()
        module.requires_grad_(False)


def eval_norms(module: nn.Module) -> None:
    """Put every batch norm in eval mode, those inside blocks too."""
    for child in module.modules():
        if is_batch_norm(child):
            child.eval()


def half_frozen(model: nn.Module) -> List[str]:
    """The layers that a host froze without the norms inside them.

    A host's own ``_freeze_stages`` freezes the parameters of its stem and puts
    the norm behind it in eval mode, but knows nothing of norms inside.

    Args:
        model: The model in training mode, as its host has it.
    """
    found = places(model)
    return [
        paths[0] for layer, paths in names(model).items()
        if isinstance(layer, RepConv2d) and not layer.trains and any(
            takes_batches(norm) for norm in layer.norms_inside()) and not all(
                takes_batches(norm) for norm in norms_behind(layer, found))
    ]
