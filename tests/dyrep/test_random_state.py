"""Random numbers go on from where they were saved."""
import copy
import random

import numpy as np
import torch

from mmrep.dyrep import random_state


def draw():
    return (torch.rand(3).tolist(), torch.randn(3).tolist(),
            np.random.rand(3).tolist(), np.random.randn(), random.random(),
            random.gauss(0, 1))


def test_all_go_on():
    np.random.randn()  # leaves half of a pair
    random.gauss(0, 1)
    state = random_state.save()
    expected = draw()
    draw()
    random_state.restore(state)
    assert draw() == expected


def test_a_file_keeps_them(tmp_path):
    """As plain data, which is loaded without pickled classes."""
    state = random_state.save()
    expected = draw()
    torch.save(state, tmp_path / 'state.pth')
    random_state.restore(torch.load(tmp_path / 'state.pth', weights_only=True))
    assert draw() == expected


def test_those_of_torch_alone():
    state = random_state.save()
    expected = draw()
    np.random.seed(1)
    random.seed(1)
    others = draw()[2:]
    np.random.seed(1)
    random.seed(1)
    random_state.restore(state, torch_only=True)
    found = draw()
    assert found[:2] == expected[:2]
    assert found[2:] == others


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
