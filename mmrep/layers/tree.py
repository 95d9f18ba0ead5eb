"""The modules inside of a module, as long as none of them changes place."""
from typing import List

from torch import nn

from ..compat.modules import children_of


class Tree:
    """A walk over modules whose result holds until the tree changes.

    Args:
        root: The module to walk over.

    Attributes:
        modules: The root and all modules inside, each once.
    """

    def __init__(self, root: nn.Module) -> None:
        self.modules = list(root.modules())
        self.dicts = [children_of(module) for module in self.modules]
        self.ids = ids_in(self.dicts)

    def holds(self) -> bool:
        """Return True if no child was added, removed or replaced."""
        return ids_in(self.dicts) == self.ids


def ids_in(dicts: List[dict]) -> List[int]:
    """Return who the values of dicts are, in order."""
    return [id(value) for names in dicts for value in names.values()]
