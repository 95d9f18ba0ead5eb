"""The modules inside of a module, as long as none of them changes place."""
from typing import Any, List, Tuple

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
        self.sizes = list(map(len, self.dicts))
        self.places: List[Tuple[dict, str, Any]] = [
            (names, name, child) for names in self.dicts
            for name, child in names.items()
        ]

    def holds(self) -> bool:
        """Return True if no child was added, removed or replaced."""
        if list(map(len, self.dicts)) != self.sizes:
            return False
        for names, name, child in self.places:
            if names.get(name) is not child:
                return False
        return True
