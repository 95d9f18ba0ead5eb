"""Arguments of a wrong kind are refused at once, in a sentence."""
import re

import numpy as np
import pytest
from torch import nn

from mmrep.dyrep import Evolution
from mmrep.dyrep.arguments import try_branches
from mmrep.errors import UserError
from mmrep.hooks import DyRepHook
from mmrep.layers.geometry import Geometry

INF, NAN = float('inf'), float('nan')
WHOLE = ('5', 1.0, True, [], NAN, 'x\n')
NUMBERS = (0, -1, NAN, INF, True, '1', None, [], 1j, 10**400, 1e39)
BAD = dict(
    interval=(*WHOLE, 0, -1, 10**30),
    stop=(*WHOLE, 0),
    by_epoch=('yes', 1, 0, []),
    metric=(3, None, [], {}, b'snip'),
    branches=(7, None, [], {}, [1], [None], {
        1: {}
    }, {
        '1x1': None
    }, {
        '1x1_kxk': dict(second=5)
    }),
    cut_threshold=NUMBERS,
    init_gamma=NUMBERS,
    calibration_batches=(*WHOLE, 0, None, 10**30),
    scope=(5, None, [], '', [5], {}, ['a', ''], b'x', True),
    max_depth=(*WHOLE, 0, 17, None),
    seed=WHOLE,
    draw=(3, 'yes', None, 1))
CASES = [(name, value) for name, values in BAD.items() for value in values]


@pytest.mark.parametrize('name, value', CASES, ids=str)
def test_one_sentence_at_construction(name, value):
    """The sentence has the name, the value in parentheses and a rule."""
    with pytest.raises(UserError) as error:
        DyRepHook(**{name: value})
    message = str(error.value)
    assert '\n' not in message
    assert message.startswith(f'`{name}` ')
    shown = value['1x1'] if value == {'1x1': None} else value
    assert f'(={shown!r})' in message
    assert re.search('must|do not fit|is empty', message)


def test_a_branch_that_cannot_be():
    message = r"`channels` \(='x'\) of branch '1x1_kxk' must be a whole"
    with pytest.raises(UserError, match=message):
        DyRepHook(branches={'1x1_kxk': dict(channels='x')})


@pytest.mark.parametrize(
    'name, value', [case for case in CASES if case[0] in ('seed', 'scope')],
    ids=str)
def test_without_the_hook(name, value):
    with pytest.raises(UserError, match=f'`{name}`'):
        Evolution(nn.Identity(), **{name: value})


@pytest.mark.parametrize('options', [
    dict(),
    dict(seed=-1),
    dict(seed=2**40),
    dict(seed=-10**30),
    dict(scope=['backbone.layer?', 'neck']),
    dict(scope=('backbone', )),
    dict(interval=1, by_epoch=False, stop=2, draw=True),
    dict(cut_threshold=1, init_gamma=1e-30, max_depth=16),
    dict(branches={
        '1x1_kxk': dict(channels=16),
        '5x5': {}
    }),
    dict(branches='1x1'),
])
def test_what_is_possible(options):
    DyRepHook(**options)


def test_whole_numbers_of_numpy():
    """They become Python's numbers, which a checkpoint keeps as they are."""
    given = dict(
        seed=3, interval=2, stop=4, recalibrate=5, calibration_batches=6)
    hook = DyRepHook(**{k: np.int64(v) for k, v in given.items()})
    own = {**vars(hook), **vars(hook.schedule)}
    assert {name: own[name] for name in given} == given
    assert all(type(own[name]) is int for name in given)
    evolution = Evolution(
        nn.Identity(), seed=np.int64(7), max_depth=np.int8(3))
    for value in (evolution.seed, evolution.max_depth):
        assert type(value) is int


def test_branches_that_a_convolution_cannot_have():
    geometry = Geometry.of(nn.Conv2d(8, 8, 3, groups=4))
    try_branches({'1x1_kxk': dict(channels=8)}, geometry)
    with pytest.raises(UserError, match="fit conv: .*'1x1_kxk'.*`groups`"):
        try_branches({'1x1_kxk': dict(channels=6)}, geometry, 'conv')
