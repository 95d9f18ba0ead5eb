"""The known names of branches, and the number that a block may have."""
from functools import partial

import pytest

from mmrep import DBBConv2d, DyRepHook, OREPAConv2d, UserError
from mmrep.layers.block_types import check_block
from mmrep.layers.branch_names import check_branches, is_branch

NORMS = ('kxk', 'branches')


@pytest.mark.parametrize('name', [
    '1x1', '1x1_kxk', '1x1_average', '1xk', 'kx1', 'identity', 'kxk_1',
    'kxk_12', '5x5', '5x5_d2', '13x1'
])
def test_known(name):
    assert is_branch(name) and list(check_branches(name, NORMS)) == [name]


@pytest.mark.parametrize('name', [
    'kxk_1\n', '5x5\n', '5x5_d2\n', '\nkxk_1', 'kxk_', 'kxk_\u0661',
    '\u0665x5', '0x3', '5x5_d0', '5x5_d', 'kxk', '', ' 1x1', 'kxk_1.weight',
    '9' * 5000 + 'x1', 3, None, True, ('1x1', ), b'1x1'
])
def test_unknown(name):
    assert not is_branch(name)
    with pytest.raises(UserError, match='`branches` has'):
        check_branches([name], NORMS)


@pytest.mark.parametrize('branches', [3, 1.5, None, True, iter(['1x1'])])
def test_no_names(branches):
    with pytest.raises(UserError, match=r'`branches` \(=.*must be names'):
        check_branches(branches, NORMS)


def test_how_many():
    names = [f'kxk_{i}' for i in range(1, 65)]
    assert list(check_branches(names, NORMS)) == names
    with pytest.raises(UserError, match='has 65 names, a block may have 64'):
        check_branches([*names, '1x1'], NORMS)


@pytest.mark.parametrize('kind', [
    partial(DBBConv2d, 4, 4, 3),
    partial(OREPAConv2d, 4, 4, 3),
    DyRepHook,
])
def test_each_once(kind):
    with pytest.raises(UserError, match="once, '1x1' is there 3 times"):
        kind(branches=['1x1', '1x1_kxk', '1x1', '1x1'])


def test_each_once_in_a_structure():
    """Blocks are checked before any is built."""
    block = dict(type='DBBConv2d', branches=('1x1', '1x1'))
    with pytest.raises(UserError, match="once, '1x1' is there 2 times"):
        check_block(block)


@pytest.mark.parametrize('norms', [3, None, ['outer'], [['kxk']], 'outer'])
def test_norms(norms):
    with pytest.raises(UserError, match='`norms`'):
        check_branches(['1x1'], norms)


@pytest.mark.parametrize('options, message', [
    (dict(channels=4.0), r'`channels` \(=4.0\)'),
    (dict(channels=True), r'`channels` \(=True\)'),
    (dict(channels='4'), r"`channels` \(='4'\)"),
    (dict(channels=0), r'`channels` \(=0\)'),
    (dict(channels=10**9), r'`channels` \(=1000000000\)'),
    (dict(width=4), 'it may have'),
    ({3: 4}, 'it may have'),
    (None, 'has options None'),
    ([4], r'has options \[4\]'),
])  # yapf: disable
def test_options(options, message):
    with pytest.raises(UserError, match=message):
        DBBConv2d(4, 4, 3, branches={'1x1_kxk': options})
