"""Loops whose random numbers continue from where they were saved."""
import torch

from mmrep import random_state
from mmrep.runner.loops import Resumed

from ..test_random_state import draw


class Loop:
    """A loop that draws its batches itself, as a loader without workers."""

    def __init__(self, done):
        self.iter = done
        self.dataloader_iterator = iter(draw, None)


def test_a_resumed_loop():
    """It draws three batches again and then continues as saved."""
    random_state.seed(0)
    straight = Loop(0)
    for _ in range(3):
        next(straight.dataloader_iterator)
    torch.rand(7)  # the model draws numbers
    state = random_state.save()
    expected = [next(straight.dataloader_iterator) for _ in range(2)]
    random_state.seed(5)
    resumed = Loop(3)
    plain = resumed.dataloader_iterator
    resumed.dataloader_iterator = Resumed(resumed, state)
    found = [next(resumed.dataloader_iterator) for _ in range(5)]
    assert found[3:] == expected
    assert resumed.dataloader_iterator is plain


def resumed_in_fork(state, **attributes):
    """Return a loop of mmengine's fork, which skips batches by a call."""
    loop = Loop(3)
    vars(loop).update(attributes)
    loop.dataloader_iterator = Resumed(loop, state)
    return loop


def test_a_resumed_loop_of_the_fork():
    state = random_state.save()
    expected = draw()
    random_state.seed(5)
    loop = resumed_in_fork(state, fast_forward_on_resume=False)
    loop.dataloader_iterator.skip_iter(3)
    assert next(loop.dataloader_iterator) == expected


def test_a_resumed_loop_of_the_fork_that_draws_none_again():
    state = random_state.save()
    expected = draw()
    random_state.seed(5)
    loop = resumed_in_fork(state, fast_forward_on_resume=True)
    assert next(loop.dataloader_iterator) == expected
