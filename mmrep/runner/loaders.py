"""Batches like those of a training, drawn beside its own loader."""
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
    """Sampler of a data set in random order, without an end.

    Each process gets its part of the same indices.

    Args:
        dataset: The whole data set of the training.
        seed: The seed of the order, the same in all processes.
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
    """Return a loader of batches like those of a training.

    Args:
        loader: The loader of the training, which stays as it is.
        seed: The seed of the order.

    Raises:
        UserError: The data set is iterable only, or the type of the batch
            sampler does not take the usual arguments.
    """
    if isinstance(loader.dataset, IterableDataset):
        raise UserError(NOTHING.format(type(loader.dataset).__name__))
    kind = type(loader.batch_sampler)
    try:
        batches = kind(
            sampler=Draws(loader.dataset, seed),
            batch_size=loader.batch_sampler.batch_size,
            drop_last=True)
    except Exception as error:  # a batch sampler may raise anything
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
    """Measure the statistics of norms anew on batches of the training.

    The training loses no batches and no random numbers. Averages of the model
    take over the statistics at their next update, which comes after this.

    Args:
        runner: The Runner, which trains.
        count: Number of batches in each process.
        seed: The seed of the choice of batches.

    Returns:
        The number of norms that were measured.

    Raises:
        NotFinite: Statistics are NaN or infinite; the model is as it was.
    """
    loader = own_loader(runner.train_dataloader, random_state.folded(seed))
    return recalibrate(
        inner_model(runner), loader, count,
        lambda batch: data_of(runner, [batch]).run(batch), seed)
