"""The similarity of the branches of blocks, as kernels.

OREPA, section 5.2: its scalings keep branches from degrading into a single
one, which the cosine between the kernels of two branches shows.
"""
from typing import Callable, Dict, Iterable, List, NamedTuple, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import kernel as K
from ..kernel import Kernel
from ..layers import BranchedConv2d, OREPAConv2d, RepConv2d
from ..nets.rich import matches

Progress = Callable[[Sequence], Iterable]


class Likeness(NamedTuple):
    """The cosines between all branches of a block.

    ``matrix`` is (branches, branches); NaN where a kernel is zero.
    """

    name: str
    branches: List[str]
    matrix: Tensor

    @property
    def mean(self) -> float:
        """Mean absolute cosine of two different branches, NaN if none."""
        pairs = self.matrix[~torch.eye(len(self.matrix), dtype=torch.bool)]
        return pairs.abs().nanmean().item()


@torch.no_grad()
def likenesses(model: nn.Module,
               include: Sequence[str] = ('*', ),
               progress: Progress = lambda items: items) -> List[Likeness]:
    """Compare the branches of each block, also of blocks inside blocks.

    Each kernel is padded to the block's size and includes the scaling or the
    norm of its branch, the norm as in eval mode. Biases do not count.

    Args:
        model: Any model with blocks of mmrep.
        include: Patterns, one of which must match the name of a block or of
            a module around it. Defaults to all.
        progress: Function that wraps the blocks. Defaults to the identity.

    Returns:
        One entry for each block with at least two branches, in the model's
        order.
    """
    layers = [(name, layer) for name, layer in model.named_modules()
              if isinstance(layer, RepConv2d) and matches([name], include)]
    found = []
    for name, layer in progress(layers):
        kernels = kernels_of(layer)
        if len(kernels) > 1:
            found.append(Likeness(name, list(kernels), cosines(kernels)))
    return found


def kernels_of(layer: RepConv2d) -> Dict[str, Tensor]:
    """The kernel of each branch, all of one size.

    The names of branches are those of the block's argument ``branches``. The
    kxk of a block with norms in its branches comes first.
    """
    if isinstance(layer, OREPAConv2d):
        # the last kernel can be a constant, which is no branch
        return {
            name: kernel.weight
            for name, kernel in zip(layer.names, layer.branch_kernels())
        }
    if not isinstance(layer, BranchedConv2d):
        return _unnamed(layer)
    return {
        'kxk': _own_kernel(layer).weight,
        **{
            name: branch.kernel(layer.geometry).weight
            for name, branch in layer.branches.items()
        }
    }


def _unnamed(layer: RepConv2d) -> Dict[str, Tensor]:
    """Number the kernels of a block whose branches have no names."""
    if type(layer).branch_kernels is RepConv2d.branch_kernels:
        return {}
    return {
        f'kernel {i}': kernel.weight
        for i, kernel in enumerate(layer.branch_kernels())
    }


def _own_kernel(layer: BranchedConv2d) -> Kernel:
    """The kernel of the kxk, which may be a block, with its norm."""
    own = Kernel(layer.weight) if layer.kxk is None else layer.kxk.kernel()
    return own if layer.norm is None else K.fold_norm(own, layer.norm)


def cosines(kernels: Dict[str, Tensor]) -> Tensor:
    """The cosine of each pair of kernels, NaN where a kernel is zero."""
    rows = torch.stack([kernel.double().flatten() for kernel in
                        kernels.values()])  # yapf: disable
    sizes = rows.norm(dim=1, keepdim=True)
    rows = torch.where(sizes > 0, F.normalize(rows, dim=1), torch.nan)
    return (rows @ rows.T).cpu()
