"""Read the structure of a block off the names of its weights."""
from typing import Dict, Optional, Sequence

from mmengine.registry import MODELS
from torch import Tensor, nn

from .block_types import MAX_NESTING
from .branch_names import MAX_BRANCHES, is_branch

Weights = Dict[str, Tensor]
OREPA = ('average', 'prior', '1x1_kxk', '1x1', 'separable', 'product', 'stem',
         'plain_stem')


class Foreign(ValueError):
    """The weights are none of such a block."""


def read_options(weights: Weights, block: nn.Module,
                 inner: Dict[str, nn.Module]) -> dict:
    """The options of the :class:`BranchedConv2d` that saved these weights.

    What names do not tell, the types and norms of blocks inside, is as in
    the blocks that are there already, or else as in the block around.

    Args:
        weights: Of the block, by their names inside of it.
        block: That is to load them.
        inner: The blocks that it has in place of kernels.

    Raises:
        Foreign: They are another block's.
    """
    names = _branches(weights)
    too_deep = any(_depth(name) > MAX_NESTING for name in weights)
    if 'scale' in weights or too_deep or not all(map(is_branch, names)):
        raise Foreign
    starts = dict(
        kxk=('norm.', ),
        branches=tuple(f'branches.{name}.norm.' for name in names),
        sum=('sum_norm.', ))
    norms = {
        place: any(key.startswith(start) for key in weights)
        for place, start in starts.items()
    }
    options = {name: {} for name in names}
    if '1x1_kxk' in names:
        second = _inside(weights, 'branches.1x1_kxk.second')
        options['1x1_kxk'] = dict(
            channels=_channels(weights),
            difference='branches.1x1_kxk.whole' not in weights,
            second=_block(second, block, inner.get('second'))
            if second else None)
    kxk = _inside(weights, 'kxk')
    return dict(
        branches=options,
        norms=[name for name, has in norms.items() if has],
        norm_cfg=block.norm_cfg,
        kxk=_block(kxk, block, inner.get('kxk')) if kxk else False)


def read_orepa(weights: Weights, names: Sequence[str], scaling: str) -> dict:
    """The options of the OREPA block that saved these weights.

    Where nothing is scaled the weights do not tell whether the origin is a
    branch; ``names`` and ``scaling`` of the block they are for do.

    Raises:
        Foreign: They are another block's, or damaged.
    """
    branches = _branches(weights)
    normed = any(key.endswith('norm.weight') for key in weights)
    weight = weights.get('weight')
    if normed or weight is None or weight.dim() != 4 or (not set(branches)
                                                         <= set(OREPA)):
        raise Foreign
    origin, scale = 'origin' in names, weights.get('scale')
    if scale is None:
        scaling = 'none' if len(branches) + origin > 1 else scaling
    elif scale.dim() != 2:
        raise Foreign
    else:
        origin = len(scale) > len(branches)
        if len(scale) != origin + len(branches):
            raise Foreign
        channels = len(weight)
        if channels > 1 or scaling == 'none':  # else both look the same
            vector = scale.size(1) == channels
            scaling = 'vector' if vector else 'scalar'
    channels = _channels(weights) if '1x1_kxk' in branches else None
    return dict(
        branches=['origin'] * origin + branches,
        scaling=scaling,
        internal_channels=channels)


def _block(weights: Weights, outer: nn.Module,
           there: Optional[nn.Module]) -> dict:
    """The config of a block inside of a block."""
    if there is not None:
        try:
            return dict(
                type=there.config()['type'], **there.read_options(weights))
        except Foreign:
            pass  # of another kind
    try:
        orepa = read_orepa(weights, (), 'vector')
    except Foreign:
        orepa = dict(branches=[])
    if orepa['branches']:
        return dict(type='OREPAConv2d', **orepa)
    kinds = [cls.__name__ for cls in type(outer).__mro__]
    kind = next(kind for kind in kinds if kind in MODELS.module_dict)
    return dict(type=kind, **read_options(weights, outer, {}))


def _channels(weights: Weights) -> int:
    """How many there are between the kernels of ``1x1_kxk``.

    Raises:
        Foreign: The first of them is missing, or none.
    """
    first = weights.get('branches.1x1_kxk.first')
    if first is None or first.dim() != 4:
        raise Foreign
    return len(first)


def _branches(weights: Weights) -> list:
    """Names of the branches, in order, each once.

    Raises:
        Foreign: There are more than a block can have.
    """
    names = list(
        dict.fromkeys(
            key.split('.')[1] for key in weights
            if key.startswith('branches.')))
    if len(names) > MAX_BRANCHES:
        raise Foreign
    return names


def _depth(name: str) -> int:
    """In how many blocks a weight is, at least."""
    return 1 + name.count('kxk.') + name.count('.second.')


def _inside(weights: Weights, name: str) -> Weights:
    start = len(name) + 1
    return {
        key[start:]: tensor
        for key, tensor in weights.items() if key.startswith(f'{name}.')
    }
