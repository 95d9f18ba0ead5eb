"""Fails where an upgrade of torch loads or moves modules in another way."""
import copy
import pickle

import pytest
import torch
from torch import nn

from mmrep.compat.reacting import Reacting

LOADS = 'mmrep/compat/reacting.py needs another way to act as torch loads'
MOVES = 'mmrep/compat/reacting.py needs another way to act as torch moves'


class Net(Reacting, nn.Linear):

    def __init__(self):
        super().__init__(1, 1)
        self.done = []

    def before_loading(self, state_dict, prefix):
        self.done.append(('before', prefix, self.weight.item()))
        state_dict.setdefault(f'{prefix}bias', torch.ones(1))

    def after_loading(self):
        self.done.append(('after', self.weight.item()))

    def before_moving(self):
        self.done.append(('before', self.weight.dtype))

    def after_moving(self):
        self.done.append(('after', self.weight.dtype))


@pytest.mark.parametrize('twin', [
    lambda net: net, copy.deepcopy,
    lambda net: pickle.loads(pickle.dumps(net))
])
def test_loading(twin):
    net = twin(nn.Sequential(Net()))
    nn.init.zeros_(net[0].weight)
    net.load_state_dict({'0.weight': torch.full((1, 1), 2.)})
    assert net[0].done == [('before', '0.', 0), ('after', 2)], LOADS
    assert net[0].bias == 1, LOADS


def test_moving():
    net = nn.Sequential(Net()).double()
    assert net[0].done == [('before', torch.float32),
                           ('after', torch.float64)], MOVES
    assert net.to_empty(device='cpu')[0].done[2:], MOVES


def test_nothing_to_do():
    net = Reacting().to('cpu')
    assert net.load_state_dict({}).missing_keys == []
