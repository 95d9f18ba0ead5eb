"""Snapshots that restore models after an event that fails half-way."""
from contextlib import contextmanager
from typing import Iterator, Sequence

import torch
from torch import nn

from ..compat.modules import trees_of


@contextmanager
def all_or_nothing(models: Sequence[nn.Module]) -> Iterator[None]:
    """Restore models exactly if the changes inside this context fail.

    Args:
        models: The models that are changed, without wrappers.

    Raises:
        Exception: Any error of the changes, after all models are restored.
    """
    before = Snapshot(models)
    try:
        yield
    except Exception:
        before.restore()
        raise


class Snapshot:
    """Copy of the modules, their attributes and all values of some models.

    Parameters stay the same objects, since an optimizer keeps its state by
    them.

    Args:
        models: The models, without wrappers.
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        modules = dict.fromkeys(m for model in models for m in model.modules())
        self.attributes = {module: dict(vars(module)) for module in modules}
        self.trees = [(tree, dict(tree)) for module in modules
                      for tree in trees_of(module)]
        tensors = {
            id(tensor): tensor
            for model in models
            for tensor in (*model.parameters(), *model.buffers())
        }
        self.values = [(t, t.detach().clone()) for t in tensors.values()]

    @torch.no_grad()
    def restore(self) -> None:
        """Restore all models exactly as they were."""
        for module, attributes in self.attributes.items():
            vars(module).clear()
            vars(module).update(attributes)
        for tree, before in self.trees:  # others may hold the dict itself
            tree.clear()
            tree.update(before)
        for tensor, before in self.values:
            tensor.copy_(before)
