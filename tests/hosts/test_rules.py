"""Values that each rule allows, and its words."""
import pytest

from mmrep.hosts.rules import (DICTS, FLAG, LEVEL, NAMED_HOOKS, NONE, PATH,
                               TYPE, either, whole)


@pytest.mark.parametrize('rule, right, wrong', [
    (whole(1), [1, 5.0, 10**400], [0, True, '1', 1.5,
                                   float('inf'), None]),
    (whole(0), [0, 0.0], [-1, -1.0, [], 1j]),
    (DICTS, [[], [{}],
             ({}, )], [{}, [1], 'a', None, iter([])]),
    (FLAG, [True, False], [0, 1, 'True', None]),
    (LEVEL, [0, 20, 'INFO'], ['info_', None, 1.0, True, {}]),
    (NAMED_HOOKS, [{}, dict(a=None), dict(a={})], [dict(a=5), [], None]),
    (PATH, ['a', ' '], ['', None, 5]),
    (TYPE, ['a', dict, print], [None, 5, {}]),
    (either(FLAG, NONE), [True, None], [0, '']),
])
def test_rules(rule, right, wrong):
    assert all(map(rule.fits, right))
    assert not any(map(rule.fits, wrong))


def test_words():
    assert either(FLAG, DICTS,
                  NONE).words == ('True or False or a list of dicts or None')
    assert whole(3).words == 'a whole number, at least 3'
