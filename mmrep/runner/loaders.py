"""Batches like those of a training, which the training does not lose."""
from itertools import islice
from typing import Iterator

import torch
from mmengine.dist import get_rank, get_world_size
from mmengine.runner import Runner
from torch.utils.data import DataLoader, Dataset, IterableDataset, Sampler

from .. import random_state
from ..dyrep.recalibration import recalibrate
from ..errors import UserError
from .batches import data_of
from .training import inner_model

NOTHING = ('`recalibrate` of DyRepHook cannot draw batches of its own from a '
           'train loader with a {}: leave it out')


class Draws(Sampler):
    """Indices of a data set in random order, again and again.

    The processes share them, each gets its part.

    Args:
        dataset: Of the training, in whole.
        seed: The same in all processes.
    """

    def __init__(self, dataset: Dataset, seed: int) -> None:
        self.dataset = dataset  # some batch samplers look into it
        self.seed = seed

    def __len__(self) -> int:
        return len(self.dataset)

    def __iter__(self) -> Iterator[int]:
        return islice(self._all(), get_rank(), None, get_world_size())

    def _all(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed)
        while True:
            yield from torch.randperm(len(self), generator=generator).tolist()


def own_loader(loader: DataLoader, seed: int) -> DataLoader:
    """Batches like a training's, of which that loses none.

    Args:
        loader: Of the training, which is left alone.
        seed: Of the order.

    Raises:
        UserError: The data set has no order, or the batch sampler is none
            that others could be made like.
    """
    if isinstance(loader.dataset, IterableDataset):
        raise UserError(NOTHING.format(type(loader.dataset).__name__))
    kind = type(loader.batch_sampler)
    try:
        batches = kind(
            sampler=Draws(loader.dataset, seed),
            batch_size=loader.batch_sampler.batch_size,
            drop_last=True)
    except Exception as error:  # whatever it asks for
        raise UserError(NOTHING.format(kind.__name__)) from error
    return DataLoader(
        loader.dataset,
        batch_sampler=batches,
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context)


def measure_norms(runner: Runner, count: int, seed: int) -> int:
    """Measure the statistics of norms anew on so many batches of training.

    The training loses no batch by it and no random number. Averages of the
    model take statistics over at their next update, behind this.

    Args:
        runner: That trains.
        count: Of the batches, in each process.
        seed: Of which they are.

    Returns:
        How many norms there are.

    Raises:
        NotFinite: Statistics are NaN or infinite; the model is as it was.
    """
    loader = own_loader(runner.train_dataloader, random_state.folded(seed))
    return recalibrate(
        inner_model(runner), loader, count,
        lambda batch: data_of(runner, [batch]).run(batch), seed)
