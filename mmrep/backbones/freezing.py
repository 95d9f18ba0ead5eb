"""Freezing, the same way for every backbone."""
from typing import Iterable

from mmengine.utils.dl_utils.parrots_wrapper import _BatchNorm
from torch import nn


def freeze(modules: Iterable[nn.Module]) -> None:
    """Fix all parameters, and put all norms (and dropouts) in eval mode."""
    for module in modules:
        module.eval()
        module.requires_grad_(False)


def eval_norms(module: nn.Module) -> None:
    """Put every batch norm inside in eval mode, those of blocks too."""
    for child in module.modules():
        if isinstance(child, _BatchNorm):
            child.eval()
