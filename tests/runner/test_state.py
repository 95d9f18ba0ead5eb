"""The state that a resumed run continues from, whole and damaged."""
import copy

import pytest
import torch

from mmrep import random_state
from mmrep.dyrep import Evolution
from mmrep.errors import UserError
from mmrep.runner.state import check_state

from ..dyrep.nets import conv3x3, data_of, net_of
from ..dyrep.test_evolution import scored


@pytest.fixture(scope='module')
def whole():
    net = net_of(conv3x3())
    data, evolution = data_of(net, size=8), Evolution(net, scope='conv')
    scores = scored(evolution, data)
    evolution.event(3, scores, data)
    return dict(
        seed=-1,
        history=evolution.history,
        scores=scores.state_dict(),
        due=False,
        stopped=None,
        gradients={'conv.weight': torch.ones(1)},
        random=random_state.save())


def test_whole(whole):
    numbers = torch.get_rng_state()
    check_state(whole)
    assert torch.equal(numbers, torch.get_rng_state())
    earlier = {k: v for k, v in whole.items() if k != 'stopped'}
    earlier['scores'] = {
        k: v
        for k, v in earlier['scores'].items() if k != 'lost'
    }
    check_state(earlier)


@pytest.mark.parametrize('state', [{}, [], 5, 'a', dict(seed=1)], ids=str)
def test_other_things(state):
    with pytest.raises(UserError, match='damaged `dyrep`.*load_from') as error:
        check_state(state)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('key, value', [
    ('seed', '3'),
    ('history', [{}]),
    ('history', [7]),
    ('history', None),
    ('scores', {}),
    ('scores', dict(names=['a'], steps=torch.ones(()), sums={'snip': 3})),
    ('scores',
     dict(names=['a'], steps=torch.ones(()), sums={'snip': torch.ones(9)})),
    ('due', 'yes'),
    ('gradients', {
        'a': 'b'
    }),
    ('random', {}),
    ('random', dict(torch=1, gpus=[], numpy=[], python=())),
    ('stopped', 7),
])
def test_damaged_parts(whole, key, value):
    with pytest.raises(UserError, match='damaged `dyrep`'):
        check_state({**copy.copy(whole), key: value})
