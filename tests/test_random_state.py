"""Random numbers go on from where they were saved."""
import copy
import random

import numpy as np
import pytest
import torch

from mmrep import random_state


def draw():
    return (torch.rand(3).tolist(), torch.randn(3).tolist(),
            np.random.rand(3).tolist(), np.random.randn(), random.random(),
            random.gauss(0, 1))


def test_all_go_on():
    np.random.randn()  # numpy draws pairs and keeps the second
    random.gauss(0, 1)
    state = random_state.save()
    expected = draw()
    draw()
    random_state.restore(state)
    assert draw() == expected


def test_a_file_keeps_them(tmp_path):
    """A file holds plain data, which loads without pickled classes."""
    state = random_state.save()
    expected = draw()
    torch.save(state, tmp_path / 'state.pth')
    random_state.restore(torch.load(tmp_path / 'state.pth', weights_only=True))
    assert draw() == expected


def test_a_state_can_be_restored_twice():
    state = random_state.save()
    before = copy.deepcopy(state)
    random_state.restore(state)
    expected = draw()
    random_state.restore(state)
    assert draw() == expected
    assert torch.equal(state['torch'], before['torch'])
    assert state['numpy'] == before['numpy']


def test_those_of_other_gpus_are_left_alone():
    state = {**random_state.save(), 'gpus': [torch.zeros(16)] * 99}
    random_state.restore(state)


@pytest.mark.parametrize('value', [0, 1, 12345, 2**31, 2**32 - 1])
def test_seeds_that_numpy_takes_stay(value):
    assert random_state.folded(value) == value
    random_state.seed(value)
    expected = draw()
    torch.manual_seed(value)
    np.random.seed(value)
    random.seed(value)
    assert draw() == expected


@pytest.mark.parametrize(
    'value', [-1, -2**63 - 1, 2**32, 2**40 + 3, 2**64, 10**30, -10**30])
def test_seeds_of_any_size(value):
    """Seeds of any size are taken, and equal seeds draw equal numbers."""
    draws = []
    for _ in range(2):
        with random_state.seeded(value):
            draws.append(draw())
    assert draws[0] == draws[1]
    assert random_state.folded(value) == value - value // 2**32 * 2**32


def test_room_for_more():
    for value in (2**32 - 1, -1, 10**30, 2**32 - 20):
        assert 0 <= random_state.folded(value, room=20) < 2**32 - 20
    assert random_state.folded(2**32 - 21, room=20) == 2**32 - 21
