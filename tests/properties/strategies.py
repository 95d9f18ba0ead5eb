"""Draw layers: kind, geometry, branches, norms, values and images."""
from typing import Sequence, Tuple

import torch
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

import mmrep

from .case import Case

BRANCHED = [
    mmrep.DBBConv2d, mmrep.ACBConv2d, mmrep.RepVGGConv2d, mmrep.QARepVGGConv2d,
    mmrep.OREPAVGGConv2d, mmrep.MobileOneConv2d, mmrep.LargeKernelConv2d
]
LAYERS = [mmrep.OREPAConv2d, *BRANCHED]
OREPA_NAMES = [  # up to 1, up to 6, beyond
    ['origin', 'product'],
    ['origin', 'average', 'prior', '1x1_kxk', '1x1', 'separable'],
    ['origin', 'stem', 'plain_stem']
]
SCALINGS = ['vector', 'scalar', 'none']
MODES = ['zeros', 'reflect', 'replicate', 'circular']
NORMS = ['kxk', 'branches', 'sum']
NORMED = [['kxk', 'branches'], NORMS, ['branches'], ['kxk', 'sum'], ['kxk'],
          []]
NAMES = [
    '1x1', '1x1_kxk', '1x1_average', '1xk', 'kx1', 'identity', 'kxk_1',
    'kxk_3', '2x2', '3x3', '5x5', '1x3', '4x2', '3x3_d2', '2x2_d3'
]
# inputs and outputs of one group; (1, 1) is depthwise
WIDTHS = [(1, 1), (1, 2), (2, 1), (2, 2), (3, 2), (2, 5)]


@st.composite
def shapes(draw) -> dict:
    """Draw all arguments of ``nn.Conv2d``."""
    groups = draw(st.sampled_from([1, 1, 2, 3, 5]))
    into, out = draw(st.sampled_from(WIDTHS))
    kernel = draw(per_axis(st.integers(1, 9)))
    dilation = draw(per_axis(st.sampled_from([1, 1, 2, 4])))
    stride, padding = draw(steps(reach(kernel, dilation)))
    return dict(
        in_channels=into * groups,
        out_channels=out * groups,
        kernel_size=kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        bias=draw(st.booleans()),
        padding_mode=draw(st.sampled_from(MODES)))


def per_axis(values: SearchStrategy) -> SearchStrategy:
    """Draw one value twice, as for a square, or two values."""
    return st.one_of(values.map(lambda v: (v, v)), st.tuples(values, values))


@st.composite
def steps(draw, reach: Tuple[int, int]) -> tuple:
    """Draw stride and padding; ``'same'`` allows no stride."""
    if draw(st.integers(0, 5)) == 5:
        return (1, 1), 'same'
    around = st.tuples(*[st.sampled_from([0, r // 2, r]) for r in reach])
    anyhow = st.tuples(*[st.integers(0, r) for r in reach])
    stride = st.one_of(st.just((1, 1)), per_axis(st.integers(1, 3)))
    return draw(stride), draw(st.one_of(around, anyhow, st.just('valid')))


def reach(kernel_size: tuple, dilation: tuple) -> Tuple[int, int]:
    return tuple((k - 1) * d + 1 for k, d in zip(kernel_size, dilation))


@st.composite
def sizes(draw, shape: dict) -> Tuple[int, int]:
    """Draw heights and widths that give an output, also the smallest."""
    size = []
    for axis, r in enumerate(reach(shape['kernel_size'], shape['dilation'])):
        before, after = {
            'same': ((r - 1) // 2, r // 2),
            'valid': (0, 0)
        }.get(shape['padding'], (shape['padding'][axis], ) * 2)
        least = max(1, r - before - after)
        if shape['padding_mode'] in ('reflect', 'circular'):
            # padding turns over or around once at most
            least = max(least, after + (shape['padding_mode'] == 'reflect'))
        size.append(least + draw(st.integers(0, 6)))
    return tuple(size)


@st.composite
def norm_cfgs(draw) -> dict:
    return dict(
        type=draw(st.sampled_from(['BN', 'BN', 'SyncBN'])),
        eps=draw(st.sampled_from([1e-5, 1e-3, 1e-2])),
        momentum=draw(st.sampled_from([0.1, 0.01, 0.5])))


def options(cls: type, kernel_size: tuple, norm_cfg: dict) -> SearchStrategy:
    """Draw the block's own arguments."""
    if cls is mmrep.OREPAConv2d:
        return orepa_options(kernel_size)
    return st.one_of(defaults(cls, norm_cfg), branched_options(cls, norm_cfg))


@st.composite
def orepa_options(draw, kernel_size: tuple) -> dict:
    known = OREPA_NAMES[(max(kernel_size) > 1) + (max(kernel_size) > 6)]
    some = st.lists(st.sampled_from(known), min_size=1, unique=True)
    return dict(
        branches=draw(st.none() | some),
        scaling=draw(st.sampled_from(SCALINGS)))


@st.composite
def defaults(draw, cls: type, norm_cfg: dict) -> dict:
    """Draw the branches of the paper."""
    options = dict(norm_cfg=norm_cfg)
    if cls is mmrep.MobileOneConv2d:
        options['num_convs'] = draw(st.integers(1, 4))
    return options


@st.composite
def branched_options(draw, cls: type, norm_cfg: dict) -> dict:
    names = draw(st.lists(st.sampled_from(NAMES), max_size=4, unique=True))
    norms = draw(st.sampled_from(NORMED))
    if 'branches' not in norms:
        names = [n for n in names if n not in ('1x1_kxk', '1x1_average')]
        if '1x1' not in names:
            names = [name for name in names if name != 'identity']
    branches = {name: {} for name in names}
    inside = st.none() | st.sampled_from(blocks_inside(cls, norm_cfg))
    if 'branches' in norms and draw(st.booleans()):
        branches['1x1_kxk'] = dict(second=draw(inside))
    return dict(
        branches=branches, norms=norms, norm_cfg=norm_cfg, kxk=draw(inside))


def blocks_inside(cls: type, norm_cfg: dict) -> list:
    """Return configs of blocks in place of a kernel, other kinds last."""
    own = dict(type=cls.__name__, norm_cfg=norm_cfg)
    return [
        dict(type='OREPAConv2d'),
        dict(**own, branches=['1xk']),
        dict(**own, branches=['1x1_kxk', 'kx1'], norms=NORMS),
        dict(type='OREPAConv2d', scaling='none'),
        dict(type='RepVGGConv2d', norm_cfg=dict(type='BN', eps=0.02)),
    ]


@st.composite
def cases(
    draw,
    layers: Sequence[type] = tuple(LAYERS),
    dtypes: Sequence[torch.dtype] = (torch.float64, torch.float32),
    statistics: Sequence[str] = ('random', 'small', 'data')
) -> Case:
    """Draw a layer with an image that fits it."""
    cls, shape = draw(st.sampled_from(layers)), draw(shapes())
    norm_cfg = draw(norm_cfgs())
    kinds = [s for s in statistics if norm_cfg['type'] == 'BN' or s != 'data']
    return Case(cls, shape, draw(options(cls, shape['kernel_size'], norm_cfg)),
                draw(st.sampled_from(dtypes)), draw(sizes(shape)),
                draw(st.sampled_from(kinds)), draw(st.integers(0, 999)))


@st.composite
def pairs(draw, **kwargs) -> Tuple[Case, Case]:
    """Draw two structures of the same kind and shape."""
    case = draw(cases(**kwargs))
    norm_cfg = case.options.get('norm_cfg', {})
    other = options(case.cls, case.shape['kernel_size'], norm_cfg)
    return case, case._replace(options=draw(other))
