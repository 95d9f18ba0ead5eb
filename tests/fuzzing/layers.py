"""Draw layers with their own arguments: branches, norms, nested blocks."""
from random import Random

import mmrep

BRANCHED = [
    mmrep.DBBConv2d, mmrep.ACBConv2d, mmrep.RepVGGConv2d, mmrep.QARepVGGConv2d,
    mmrep.OREPAVGGConv2d, mmrep.MobileOneConv2d, mmrep.LargeKernelConv2d,
    mmrep.BranchedConv2d
]
LAYERS = [mmrep.OREPAConv2d, mmrep.OREPAConv2d, *BRANCHED]
OF_OREPA = [  # up to 1, up to 6, beyond
    ['origin', 'product'],
    ['origin', 'average', 'prior', '1x1_kxk', '1x1', 'separable'],
    ['origin', 'stem', 'plain_stem']
]
SCALINGS = ['vector', 'vector', 'scalar', 'none']
OF_DYREP = ['1x1', '1x1_kxk', '1x1_average', '1xk', 'kx1', 'identity']
NAMES = [
    *OF_DYREP, 'kxk_1', 'kxk_3', '2x2', '3x3', '5x5', '1x3', '3x3_d2', '2x2_d3'
]
NORMS = [['kxk', 'branches'], ['kxk', 'branches', 'sum'], ['branches'],
         ['kxk', 'sum'], ['kxk'], ['sum'], []]
EPS = [1e-5, 1e-5, 1e-3, 1e-2]
MOMENTA = [.1, .1, .01, .5, None]


def draw_options(rng: Random, cls: type, kernel_size: tuple) -> dict:
    """Draw the block's own arguments."""
    if cls is mmrep.OREPAConv2d:
        return draw_orepa(rng, kernel_size)
    options = dict(norm_cfg=draw_norm(rng))
    if cls is mmrep.MobileOneConv2d:
        options['num_convs'] = rng.randint(1, 4)
    if cls is mmrep.BranchedConv2d or rng.random() < .4:
        options.update(draw_branches(rng, cls, options['norm_cfg']))
    elif cls is mmrep.DBBConv2d and rng.random() < .4:
        options['branches'] = OF_DYREP
    return options


def draw_orepa(rng: Random, kernel_size: tuple) -> dict:
    size = max(kernel_size)
    known = OF_OREPA[(size > 1) + (size > 6)]
    some = rng.sample(known, rng.randint(1, len(known)))
    return dict(
        branches=None if rng.random() < .5 else some,
        scaling=rng.choice(SCALINGS))


def draw_norm(rng: Random) -> dict:
    return dict(
        type='SyncBN' if rng.random() < .1 else 'BN',
        eps=rng.choice(EPS),
        momentum=rng.choice(MOMENTA))


def draw_branches(rng: Random, cls: type, norm_cfg: dict) -> dict:
    names = rng.sample(NAMES, rng.randint(0, 5))
    norms = rng.choice(NORMS)
    if 'branches' not in norms:
        names = [n for n in names if n not in ('1x1_kxk', '1x1_average')]
        if '1x1' not in names:  # the 1x1 silences the identity
            names = [name for name in names if name != 'identity']
    branches = {name: {} for name in names}
    if '1x1_kxk' in branches:
        branches['1x1_kxk'] = dict(second=draw_inner(rng, cls, norm_cfg))
    return dict(
        branches=branches, norms=norms, kxk=draw_inner(rng, cls, norm_cfg))


def draw_inner(rng: Random, cls: type, norm_cfg: dict):
    """Draw a block in place of a kernel, mostly None."""
    own = dict(type=cls.__name__, norm_cfg=norm_cfg)
    deep = dict(own, kxk=dict(own, branches=['kx1']), branches=['1x1'])
    return None if rng.random() < .6 else rng.choice([
        dict(type='OREPAConv2d'),
        dict(type='OREPAConv2d', scaling='none'),
        dict(own, branches=['1xk']),
        dict(own, branches=['1x1_kxk', 'kx1'], norms=NORMS[1]), deep,
        dict(type='RepVGGConv2d', norm_cfg=dict(type='BN', eps=.02))
    ])
