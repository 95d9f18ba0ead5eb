"""What the plans of a net depend on, compared before each forward pass."""
from typing import List

from torch import Tensor, nn

from ..compat.hooks import pre_hooks_of
from ..compat.modules import buffers_of, parameters_of
from ..layers import RepConv2d
from ..layers.tree import Entries, Tree
from .alike import eps_of


class State:
    """The structure of a net: modules, tensors and what they are, no values.

    Args:
        root: The net.
    """

    def __init__(self, root: nn.Module) -> None:
        self.tree = Tree(root)
        blocks = [m for m in self.tree.modules if isinstance(m, RepConv2d)]
        self.norms = list(
            dict.fromkeys(n for b in blocks for n in b.norms_inside()))
        self.modes = self._modes()
        inside = dict.fromkeys(m for b in blocks for m in b.modules())
        found = [d for m in inside for d in (parameters_of(m), buffers_of(m))]
        # a hook may write a tensor before its module runs
        self.entries = Entries([*found, *map(pre_hooks_of, inside)])
        self.tensors = [
            t for names in found for t in names.values() if t is not None
        ]
        self.wanted = [t.requires_grad for t in self.tensors]
        self.addresses = list(map(Tensor.data_ptr, self.tensors))
        self.kinds = self._kinds()

    def holds(self) -> bool:
        """Return True if all is as it was, whatever the tensors' values."""
        return (self._modes() == self.modes
                and [t.requires_grad for t in self.tensors] == self.wanted
                and self.stands())

    def stands(self) -> bool:
        """Return True if modules and tensors are the same, in any mode."""
        if not self.entries.hold() or not self.tree.holds():
            return False
        addresses = list(map(Tensor.data_ptr, self.tensors))
        if addresses == self.addresses:
            return True
        if self._kinds() != self.kinds:
            return False
        self.addresses = addresses
        return True

    def _modes(self) -> List[tuple]:
        return [(norm.training, eps_of(norm)) for norm in self.norms]

    def _kinds(self) -> List[tuple]:
        return [(t.dtype, t.device, t.shape, t.stride()) for t in self.tensors]
