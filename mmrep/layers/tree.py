"""The modules inside of a module, as long as none of them changes place."""
from itertools import chain
from operator import is_
from typing import Any, Iterable, List

from torch import nn

from ..compat.modules import children_of


class Entries:
    """The values of dicts, as long as none of them changes.

    Each forward pass asks for those of all blocks, so no line of Python runs
    for a single value.

    Args:
        dicts: The dicts.
    """

    def __init__(self, dicts: List[dict]) -> None:
        self.dicts = dicts
        self.filled = [names for names in dicts if names]
        self.values = list(_values(self.filled))

    def hold(self) -> bool:
        """Return True if the very same objects are there, in order."""
        return sum(map(len, self.dicts)) == len(self.values) and all(
            map(is_, _values(self.filled), self.values))


def _values(dicts: List[dict]) -> Iterable[Any]:
    return chain.from_iterable(map(dict.values, dicts))


class Tree:
    """A walk over modules whose result holds until the tree changes.

    Args:
        root: The module to walk over.

    Attributes:
        modules: The root and all modules inside, each once.
    """

    def __init__(self, root: nn.Module) -> None:
        self.modules = list(root.modules())
        self.children = Entries(list(map(children_of, self.modules)))

    def holds(self) -> bool:
        """Return True if no child was added, removed or replaced."""
        return self.children.hold()
