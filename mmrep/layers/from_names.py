"""Read the structure of a block off the names of its weights."""
from typing import Dict, Optional

from torch import Tensor, nn

from ..prefixes import under
from .block_types import MAX_NESTING, block_types
from .branch import Branch, kind_of
from .branch_names import MAX_BRANCHES, is_branch
from .inner import PARTS
from .loading import PLAIN, Foreign
from .lookup import registered_name

Weights = Dict[str, Tensor]


def read_branched(weights: Weights,
                  block: nn.Module,
                  fresh: bool = False) -> dict:
    """Return the options of the :class:`BranchedConv2d` with these weights.

    Names do not tell the types and norms of blocks inside: these are as in
    the blocks that are there already, or else as in the block around.

    Args:
        weights: The block's weights, by their names in it.
        block: The block that is to load them.
        fresh: True if blocks and branches inside of ``block`` say nothing
            about the weights. Defaults to False.

    Raises:
        Foreign: Another kind of block has saved the weights.
    """
    names = branches_in(weights)
    too_deep = any(_depth(name) > MAX_NESTING for name in weights)
    parts = {key.partition('.')[0] for key in weights}
    if too_deep or not parts <= {*PLAIN, *PARTS} or not all(
            map(is_branch, names)):
        raise Foreign
    starts = dict(
        kxk=('norm.', ),
        branches=tuple(f'branches.{name}.norm.' for name in names),
        sum=('sum_norm.', ))
    norms = {
        place: any(key.startswith(start) for key in weights)
        for place, start in starts.items()
    }
    there: Dict[str, Branch] = {} if fresh else dict(block.branches)
    kxk, inner = under(weights, 'kxk.'), None if fresh else block.kxk
    return dict(
        branches={
            name:
            kind_of(name).read(
                under(weights, f'branches.{name}.'), block, there.get(name))
            for name in names
        },
        norms=[name for name, has in norms.items() if has],
        norm_cfg=block.norm_cfg,
        kxk=read_block(kxk, block, inner) if kxk else False)


def read_block(weights: Weights, outer: nn.Module,
               there: Optional[nn.Module]) -> dict:
    """Return the config of a block inside of a block.

    Args:
        weights: The inner block's weights, by their names in it.
        outer: The block around it.
        there: The block that is in this place now, if there is one.

    Raises:
        Foreign: No block has saved the weights.
    """
    if there is not None:
        try:
            return dict(type=registered_name(there), **there.read_options(
                weights))  # yapf: disable
        except Exception:  # others may raise anything for foreign weights
            pass  # a block of another kind has saved them
    config = read_any(weights)
    if config is not None:
        return config
    return dict(
        type=registered_name(outer),
        **read_branched(weights, outer, fresh=True))


def read_any(weights: Weights) -> Optional[dict]:
    """Return the config of the one kind of block that has such weights.

    Args:
        weights: A block's weights, by their names in it.

    Returns:
        None if no kind of block knows them by their names alone.
    """
    for name, kind in block_types().items():
        try:
            return dict(type=name, **kind.read(weights))
        except Exception:  # others may raise anything for foreign weights
            pass
    return None


def branches_in(weights: Weights) -> list:
    """Return the names of the branches, in order, each once.

    Raises:
        Foreign: There are more branches than a block can have.
    """
    names = list(
        dict.fromkeys(
            key.split('.')[1] for key in weights
            if key.startswith('branches.')))
    if len(names) > MAX_BRANCHES:
        raise Foreign
    return names


def _depth(name: str) -> int:
    """Return a lower bound on the number of blocks around a weight."""
    return 1 + name.count('kxk.') + name.count('.second.')
