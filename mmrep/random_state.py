"""The random numbers of a process as plain data, and back."""
import random
from contextlib import contextmanager
from typing import Iterator

import numpy as np
import torch

SEEDS = 2**32  # numpy has so many, from 0
WORKERS = 2**20  # more than any run has, in all its processes


def save() -> dict:
    """Of torch, all its GPUs, numpy and Python."""
    name, keys, *rest = np.random.get_state()
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return dict(
        torch=torch.get_rng_state(),
        gpus=gpus,
        numpy=[name, keys.tolist(), *rest],
        python=random.getstate())


def folded(value: int, room: int = 0) -> int:
    """A seed that numpy takes, too, of one of any size.

    Args:
        value: It stays what it is where numpy takes it.
        room: For numbers that are yet to be added. Defaults to 0.
    """
    return value % (SEEDS - room)


def seed(value: int) -> None:
    """Seed torch, numpy and Python."""
    value = folded(value)
    torch.manual_seed(value)
    np.random.seed(value)
    random.seed(value)


def restore(state: dict) -> None:
    """Go on from where it was saved."""
    torch.set_rng_state(state['torch'].cpu())
    if len(state['gpus']) == torch.cuda.device_count() > 0:
        torch.cuda.set_rng_state_all([gpu.cpu() for gpu in state['gpus']])
    name, keys, *rest = state['numpy']
    np.random.set_state((name, np.array(keys, np.uint32), *rest))
    version, numbers, gauss = state['python']
    random.setstate((version, tuple(numbers), gauss))


@contextmanager
def seeded(value: int = 0) -> Iterator[None]:
    """Draw by a seed inside, and go on outside as if nothing was drawn."""
    state = save()
    seed(value)
    try:
        yield
    finally:
        restore(state)


class Resumed:
    """The batches of an iteration-based loop that goes on.

    The loop draws those that it has seen again. Behind them, before the next
    one is drawn, the random numbers go on from where they were saved.

    Args:
        loop: An ``IterBasedTrainLoop`` that was resumed.
        state: From :func:`save`.
    """

    def __init__(self, loop, state: dict) -> None:
        self.loop = loop
        self.state = state
        self.batches = loop.dataloader_iterator
        # in the maintained fork of mmengine a loop may leave them out
        skips = getattr(loop, 'fast_forward_on_resume', False)
        self.left = 0 if skips else loop.iter

    def __next__(self):
        if not self.left:
            restore(self.state)
            self.loop.dataloader_iterator = self.batches
        self.left -= 1
        return next(self.batches)

    def skip_iter(self, count: int) -> None:
        """Draw batches: the fork asks for it, and would not load them.

        Pipelines that draw random numbers would then go on as if from the
        start.
        """
        for _ in range(count):
            next(self)
