"""Running statistics of norms, measured anew with the weights of now."""
from contextlib import contextmanager
from itertools import islice
from typing import Any, Callable, Dict, Iterable, Iterator, List

import torch
from mmengine.dist import all_reduce, get_rank, get_world_size
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, Sampler

from .. import random_state
from ..errors import UserError
from ..layers.frozen_norms import norms_in, takes_batches
from .calibration import Statistics, untouched
from .finite import check_finite
from .running import data_of, inner_model

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


def measure_norms(runner, count: int, seed: int) -> int:
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


def recalibrate(model: nn.Module,
                batches: Iterable,
                count: int,
                run: Callable[[Any], Any],
                seed: int = 0) -> int:
    """Let the running statistics of norms be means over batches.

    Each norm that trains takes the mean of what it sees in these batches, as
    in the code of DyRep's authors, over all processes. Norms in eval mode and
    all else stay as they are, random numbers too.

    Args:
        model: In training mode; not wrapped.
        batches: Such as it trains on.
        count: How many, in each process.
        run: Runs the model on one as it trains.
        seed: Of what the model draws. Defaults to 0.

    Returns:
        How many norms there are.

    Raises:
        NotFinite: Statistics are NaN or infinite; the model is as it was.
    """
    norms = [norm for norm in norms_in(model) if takes_batches(norm)]
    with untouched(model, seed), averaging(norms):
        for batch in islice(batches, count):  # a loader draws as it begins
            run(batch)
        seen = {
            n: (n.running_mean.clone(), n.running_var.clone())
            for n in norms
        }
    _take_over(seen)
    return len(norms)


@torch.no_grad()
def _take_over(seen: Dict[nn.Module, Statistics]) -> None:
    together = [tensor for pair in seen.values() for tensor in pair]
    for tensor in together:
        all_reduce(tensor, 'mean')
    check_finite('statistics of norms on further batches', together)
    for norm, (mean, var) in seen.items():
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(var)


@contextmanager
def averaging(norms: List[nn.Module]) -> Iterator[None]:
    """Let running statistics be plain means of all batches from now on."""
    usual = {norm: norm.momentum for norm in norms}
    counts = dict.fromkeys(norms, 0)

    def before(norm: nn.Module, _) -> None:
        counts[norm] += 1
        norm.momentum = 1 / counts[norm]

    handles = [norm.register_forward_pre_hook(before) for norm in norms]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        for norm, momentum in usual.items():
            norm.momentum = momentum
