"""The blocks of a network and the weight of each branch, read off weights.

The names of weights tell the structure. No model is built, so that checkpoints
of any structure can be read.
"""
import re
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple, Union

from torch import Tensor

from ..errors import UserError
from ..layers.branch_names import is_branch
from ..layers.orepa_branch import KERNEL_BRANCHES

KERNEL = 'kxk'  # the block's own kernel, OREPA's origin
TINY = 1e-12  # smallest divisor
# where a block can stand inside a block
PLACES = re.compile(
    r'kxk|branches\.1x1_kxk\.second|branches\.stem\.factors\.\d+')

Tree = Dict[str, Union[Tensor, 'Tree']]


class Block(NamedTuple):
    """A block, or a block inside a block.

    ``weights`` has the weight of each branch, the kxk first; None where a
    branch has none. ``nested`` lists the branches that hold blocks.
    """

    name: str
    kernel_size: Tuple[int, int]
    weights: Dict[str, Optional[float]]
    nested: Tuple[str, ...]


class Conv(NamedTuple):
    """A convolution with its blocks, outermost first; no blocks if plain."""

    name: str
    blocks: List[Block]


def read_convs(state_dict: Dict[str, Tensor]) -> List[Conv]:
    """All convolutions that have these weights, in order."""
    tree = {}
    for name, tensor in state_dict.items():
        *path, leaf = name.split('.')
        node = tree
        for part in path:
            node = node.setdefault(part, {})
        node[leaf] = tensor
    return list(_convs(tree, ''))


def _convs(node: Tree, name: str) -> Iterator[Conv]:
    if _is_block(node):
        yield Conv(name, list(_blocks(node, name)))
        return
    if _is_kernel(node.get('weight')):
        yield Conv(name, [])
    for part, child in node.items():
        if isinstance(child, dict):
            yield from _convs(child, f'{name}.{part}' if name else part)


def _is_kernel(value: Union[Tensor, Tree, None]) -> bool:
    return isinstance(value, Tensor) and value.dim() == 4


def _inner(node: Tree, *path: str) -> Tree:
    """The weights at a path, or an empty dict."""
    for part in path:
        node = node.get(part, {})
        if not isinstance(node, dict):
            return {}
    return node


def _is_block(node: Tree) -> bool:
    """Return True if these are the weights of a block of any family."""
    branches, kxk = _inner(node, 'branches'), _inner(node, 'kxk')
    if not _is_kernel(_origin(node)):
        return False
    known = [
        is_branch(n) or n in KERNEL_BRANCHES.module_dict for n in branches
    ]
    if any(known) and not all(known):
        unknown = sorted(n for n, is_known in zip(branches, known)
                         if not is_known)  # yapf: disable
        raise UserError(
            f'a block has the branch {unknown[0]!r}, which no imported module '
            'registers: name the module that does so with --import')
    if not all(known):
        return False  # of another package, as HRNet's
    return bool(branches or kxk or 'running_mean' in _inner(node, 'norm'))


def _blocks(node: Tree, name: str) -> Iterator[Block]:
    inside = _blocks_inside(node)
    nested = tuple(dict.fromkeys(branch for branch, _, _ in inside))
    yield Block(name, _kernel_size(node), _weights(node), nested)
    for _, place, inner in inside:
        yield from _blocks(inner, f'{name}.{place}')


def _blocks_inside(node: Tree) -> List[Tuple[str, str, Tree]]:
    """The branch, the place and the weights of each block inside."""
    places = [(KERNEL, 'kxk'), ('1x1_kxk', 'branches.1x1_kxk.second')]
    places += [('stem', f'branches.stem.factors.{i}')
               for i in _inner(node, 'branches', 'stem', 'factors')]
    found = [(branch, place, _inner(node, *place.split('.')))
             for branch, place in places]
    return [entry for entry in found if _is_block(entry[2])]


def _origin(node: Tree) -> Union[Tensor, Tree, None]:
    while node and 'weight' not in node:
        node = _inner(node, 'kxk')
    return node.get('weight')


def _kernel_size(node: Tree) -> Tuple[int, int]:
    return tuple(_origin(node).shape[2:])


def _weights(node: Tree) -> Dict[str, Optional[float]]:
    """The weight of each branch, as a multiple of the kxk's."""
    sizes = _scales(node) if 'scale' in node else _gammas(node)
    own = sizes.get(KERNEL)
    return {
        name: None if None in (size, own) else size / max(own, TINY)
        for name, size in sizes.items()
    }


def _gammas(node: Tree) -> Dict[str, Optional[float]]:
    """Mean |gamma| of the last norm of each branch."""
    branches = _inner(node, 'branches')
    sizes = {name: _gamma(branch) for name, branch in branches.items()}
    # without an origin, OREPA's weight is a constant zero
    has_kernel = 'kxk' in node or 'norm' in node or node['weight'].any()
    return {KERNEL: _gamma(node), **sizes} if has_kernel else sizes


def _gamma(node: Tree) -> Optional[float]:
    gamma = _inner(node, 'norm').get('weight')
    return None if gamma is None else _mean_size(gamma)


def _scales(node: Tree) -> Dict[str, float]:
    """Mean |scale| of each branch of OREPA."""
    rows = list(map(_mean_size, node['scale']))
    names = list(_inner(node, 'branches'))
    if len(rows) > len(names):
        names.insert(0, KERNEL)
    return dict(zip(names, rows))


def _mean_size(tensor: Tensor) -> float:
    return tensor.float().abs().mean().item()
