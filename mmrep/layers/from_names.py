"""Read the structure of a block off the names of its weights."""
from typing import Dict, Sequence

from torch import Tensor

from .branch_names import is_branch

Weights = Dict[str, Tensor]
OREPA = ('average', 'prior', '1x1_kxk', '1x1', 'separable', 'product', 'stem')


class Foreign(ValueError):
    """The weights are none of such a block."""


def read_options(weights: Weights, kind: str, norm_cfg: dict) -> dict:
    """The options of the :class:`BranchedConv2d` that saved these weights.

    Args:
        weights: Of the block, by their names inside of it.
        kind: Type of blocks inside of it.
        norm_cfg: Of blocks inside of it.

    Raises:
        Foreign: They are another block's.
    """
    names = _branches(weights)
    if 'scale' in weights or not all(map(is_branch, names)):
        raise Foreign
    norms = dict(
        kxk='norm.weight' in weights,
        branches=any(f'branches.{n}.norm.weight' in weights for n in names),
        sum='sum_norm.weight' in weights)
    options = {name: {} for name in names}
    if '1x1_kxk' in names:
        staged = _inside(weights, 'branches.1x1_kxk')
        options['1x1_kxk'] = _staged(staged, kind, norm_cfg)
    kxk = _inside(weights, 'kxk')
    return dict(
        branches=options,
        norms=[name for name, has in norms.items() if has],
        kxk=_block(kxk, kind, norm_cfg) if kxk else False)


def read_orepa(weights: Weights, names: Sequence[str], scaling: str) -> dict:
    """The options of the OREPA block that saved these weights.

    Where nothing is scaled the weights do not tell whether the origin is a
    branch; ``names`` and ``scaling`` of the block they are for do.

    Raises:
        Foreign: They are another block's, or damaged.
    """
    branches = _branches(weights)
    normed = any(key.endswith('norm.weight') for key in weights)
    if normed or 'weight' not in weights or not set(branches) <= set(OREPA):
        raise Foreign
    origin, scale = 'origin' in names, weights.get('scale')
    if scale is None:
        scaling = 'none' if len(branches) + origin > 1 else scaling
    elif scale.dim() != 2:
        raise Foreign
    else:
        origin = len(scale) > len(branches)
        channels = len(weights['weight'])
        if channels > 1 or scaling == 'none':  # else both look the same
            vector = scale.size(1) == channels
            scaling = 'vector' if vector else 'scalar'
    return dict(branches=['origin'] * origin + branches, scaling=scaling)


def _staged(weights: Weights, kind: str, norm_cfg: dict) -> dict:
    if 'first' not in weights:
        raise Foreign
    second = _inside(weights, 'second')
    return dict(
        channels=len(weights['first']),
        second=_block(second, kind, norm_cfg) if second else None)


def _block(weights: Weights, kind: str, norm_cfg: dict) -> dict:
    """The config of a block inside of a block."""
    try:
        orepa = read_orepa(weights, (), 'vector')
    except Foreign:
        orepa = None
    if orepa is not None and orepa['branches']:
        return dict(type='OREPAConv2d', **orepa)
    return dict(
        type=kind, norm_cfg=norm_cfg, **read_options(weights, kind, norm_cfg))


def _branches(weights: Weights) -> list:
    """Names of the branches, in order, each once."""
    return list(
        dict.fromkeys(
            key.split('.')[1] for key in weights
            if key.startswith('branches.')))


def _inside(weights: Weights, name: str) -> Weights:
    start = len(name) + 1
    return {
        key[start:]: tensor
        for key, tensor in weights.items() if key.startswith(f'{name}.')
    }
