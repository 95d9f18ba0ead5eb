"""The drawn history is that of the records."""
import math

import pytest
import torch
from torch import nn

from mmrep.dyrep import Data, Evolution
from mmrep.errors import UserError
from mmrep.pictures.history import (Life, blocks_in, branches_in, costs,
                                    history_of, importances_of, lives)


def record(step, grown=None, cut=(), importances=None, parameters=(1, 1)):
    first = list((importances or {}).get(grown, ()))
    return dict(
        step=step,
        grown=grown,
        branches=first,
        cut=list(cut),
        importances=importances or {},
        parameters=[n * 1e6 for n in parameters],
        flops=[2e9, 3e9])


@pytest.fixture
def history():
    """A block and one inside it grow, and branches are cut."""
    cut = dict(name='a', branches=['1x1_kxk'], importances=[0.002])
    inner = 'a.branches.1x1_kxk.second'
    return [
        record(10, 'a', (), {
            'a': {'1x1': .01, '1x1_kxk': .01},
            'old': {'1x1': .5},
        }, (1, 2)),
        record(20, inner, (), {
            'a': {'1x1': .02, '1x1_kxk': .005},
            inner: {'kx1': .01},
            'old': {'1x1': .6},
        }, (2, 4)),
        record(30, None, [cut], {
            'a': {'1x1': .03},
            'old': {'1x1': .7},
        }, (4, 3)),
    ]  # yapf: disable


def test_lives(history):
    assert set(lives(history, 50)) == {
        Life('old', '1x1', 0, 50),
        Life('a', '1x1', 10, 50),
        Life('a', '1x1_kxk', 10, 30),
        Life('a.branches.1x1_kxk.second', 'kx1', 20, 30),
    }


def test_lives_have_an_order():
    """Names order lives that begin together: sets have no fixed order."""
    names = [f'b{i}' for i in range(9)]
    event = record(3, 'a', importances={'a': dict.fromkeys(names[::-1], 1.)})
    found = list(lives([event, {**event, 'step': 4, 'grown': None}], 9))
    assert [life.branch for life in found] == names


def test_what_the_first_event_cuts_was_there_before(history):
    cut = dict(name='gone', branches=['identity'], importances=[.01])
    history[0]['cut'].append(cut)
    assert Life('gone', 'identity', 0, 10) in set(lives(history, 50))


def test_names(history):
    inner = 'a.branches.1x1_kxk.second'
    assert blocks_in(history) == ['a', inner, 'old']
    assert sorted(branches_in(history)) == ['1x1', '1x1_kxk', 'kx1']
    assert blocks_in([]) == branches_in([]) == []


def test_importances(history):
    points, cuts = next(importances_of(history, '1x1_kxk'))  # block a
    assert points[:3] == [(10, .01), (20, .005), (30, .002)]
    assert all(math.isnan(value) for _, value in points[3:])
    assert cuts == [(30, .002)]


def test_costs(history):
    parameters, flops, branches = costs(history, 50).values()
    assert parameters == [(0, 1), (10, 1), (10, 2), (20, 2), (20, 4), (30, 4),
                          (30, 3), (50, 3)]
    assert flops[0] == (0, 2) and flops[-1] == (50, 3)
    assert branches == [(0, 1), (10, 1), (10, 3), (20, 3), (20, 4), (30, 4),
                        (30, 2), (50, 2)]


def test_records_of_dyrep_are_understood():
    """A block grows in the first event, a second one in the next."""
    net = nn.Sequential(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4)).train()
    data = Data([torch.randn(2, 4, 8, 8)], lambda x: net(x).sum(), net)
    evolution = Evolution(net, scope='0', metric='random')
    for step in (1, 2):
        evolution.event(step, evolution.new_scores(), data)
    history = history_of(dict(dyrep=dict(history=evolution.history)), '')
    first = history[0]['branches']
    assert first and {
        life[1:]
        for life in lives(history, 9) if life.block == '0'
    } == {(name, 1, 9)
          for name in first}
    assert len(blocks_in(history)) == 2 and set(first) <= set(
        branches_in(history))


def test_history_of(history):
    assert history_of(dict(dyrep=dict(history=history)), 'a.pth') == history
    for other in ({}, dict(dyrep=None), dict(dyrep=dict(history=[]))):
        assert history_of(other, 'a.pth') == []
    for bad in ([dict(step=3)], 'text', [3], None):
        with pytest.raises(UserError, match="history in 'a.pth' is none"):
            history_of(dict(dyrep=dict(history=bad)), 'a.pth')
