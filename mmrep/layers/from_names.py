"""Read the branches of a block off the names of its weights."""
from typing import Dict, Optional, Sequence

from torch import Tensor

Weights = Dict[str, Tensor]


def read_options(weights: Weights, kind: str, norm_cfg: dict) -> dict:
    """The options of the block that has saved these weights.

    Args:
        weights: Of the block, by their names inside of it.
        kind: Type of blocks inside of it.
        norm_cfg: Of blocks inside of it.
    """
    branches = _branches(weights, kind, norm_cfg)
    norms = []
    if 'norm.weight' in weights:
        norms.append('kxk')
    if any(f'branches.{name}.norm.weight' in weights for name in branches):
        norms.append('branches')
    if 'sum_norm.weight' in weights:
        norms.append('sum')
    kxk = _inside(weights, 'kxk')
    return dict(
        branches=branches,
        norms=norms,
        kxk=read_block(kxk, kind, norm_cfg) if kxk else None)


def read_block(weights: Weights, kind: str, norm_cfg: dict) -> dict:
    """The config of a block inside of a block."""
    orepa = read_orepa(weights, (), 'vector')
    if orepa is not None and orepa['branches']:
        return dict(type='OREPAConv2d', **orepa)
    return dict(
        type=kind, norm_cfg=norm_cfg, **read_options(weights, kind, norm_cfg))


def read_orepa(weights: Weights, names: Sequence[str],
               scaling: str) -> Optional[dict]:
    """The options of an OREPA block, None if these are another's weights.

    Where nothing is scaled the weights do not tell whether the origin is a
    branch; ``names`` and ``scaling`` of the block they are for do.
    """
    if any(key.endswith('norm.weight') for key in weights):
        return None
    branches = list(_branches(weights, '', {}))
    origin = 'origin' in names
    if 'scale' in weights:
        rows, width = weights['scale'].shape
        origin = rows > len(branches)
        vector = width == weights['weight'].size(0)
        scaling = 'vector' if vector else 'scalar'
    elif len(branches) + origin > 1:
        scaling = 'none'
    return dict(branches=['origin'] * origin + branches, scaling=scaling)


def _branches(weights: Weights, kind: str, norm_cfg: dict) -> Dict[str, dict]:
    branches = {}
    for name in [k.split('.')[1] for k in weights if k[:9] == 'branches.']:
        inside = _inside(weights, f'branches.{name}')
        branches[name] = options = {}
        if name == '1x1_kxk' and 'first' in inside:
            second = _inside(inside, 'second')
            options['channels'] = inside['first'].size(0)
            options['second'] = read_block(second, kind,
                                           norm_cfg) if second else None
    return branches


def _inside(weights: Weights, name: str) -> Weights:
    start = len(name) + 1
    return {
        key[start:]: tensor
        for key, tensor in weights.items() if key.startswith(f'{name}.')
    }
