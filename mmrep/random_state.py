"""Save the random state of a process as plain data, and restore it."""
import random
from contextlib import contextmanager
from typing import Iterator

import numpy as np
import torch

SEEDS = 2**32  # numpy takes seeds from 0 to 2**32 - 1
WORKERS = 2**20  # more workers than any run has, in all its processes


def save() -> dict:
    """Return the random state of torch, all its GPUs, numpy and Python."""
    name, keys, *rest = np.random.get_state()
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return dict(
        torch=torch.get_rng_state(),
        gpus=gpus,
        numpy=[name, keys.tolist(), *rest],
        python=random.getstate())


def folded(value: int, room: int = 0) -> int:
    """Fold a seed of any size into one that numpy takes, too.

    Args:
        value: The seed; it is returned unchanged if numpy takes it.
        room: The largest number that will be added to the seed. Defaults to
            0.
    """
    return value % (SEEDS - room)


def seed(value: int) -> None:
    """Seed torch, numpy and Python."""
    value = folded(value)
    torch.manual_seed(value)
    np.random.seed(value)
    random.seed(value)


def restore(state: dict) -> None:
    """Restore a random state that :func:`save` returned."""
    torch.set_rng_state(state['torch'].cpu())
    if len(state['gpus']) == torch.cuda.device_count() > 0:
        torch.cuda.set_rng_state_all([gpu.cpu() for gpu in state['gpus']])
    name, keys, *rest = state['numpy']
    np.random.set_state((name, np.array(keys, np.uint32), *rest))
    version, numbers, gauss = state['python']
    random.setstate((version, tuple(numbers), gauss))


@contextmanager
def seeded(value: int = 0) -> Iterator[None]:
    """Seed the random numbers of a block, then restore their state."""
    state = save()
    seed(value)
    try:
        yield
    finally:
        restore(state)
