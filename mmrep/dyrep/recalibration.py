"""Measure the running statistics of norms anew, with the current weights."""
from contextlib import contextmanager
from itertools import islice
from typing import Any, Callable, Dict, Iterable, Iterator, List

import torch
from mmengine.dist import all_reduce
from torch import nn

from ..layers.frozen_norms import norms_in, takes_batches
from .calibration import Statistics, untouched
from .finite import check_finite


def recalibrate(model: nn.Module,
                batches: Iterable,
                count: int,
                run: Callable[[Any], Any],
                seed: int = 0) -> int:
    """Replace the running statistics of norms by means over batches.

    Each norm that trains takes the mean of its statistics over these batches
    and all processes, as in DyRep's official code. Norms in eval mode, the
    weights and the random numbers stay as they are.

    Args:
        model: The model without wrappers, in training mode.
        batches: Batches like those that the model trains on.
        count: Number of batches to use in each process.
        run: Function that runs the model on a batch, as in training.
        seed: Seed of the random numbers that the model draws. Defaults to 0.

    Returns:
        The number of norms that were measured.

    Raises:
        NotFinite: Statistics are NaN or infinite; the model is as it was.
    """
    norms = [norm for norm in norms_in(model) if takes_batches(norm)]
    with untouched(model, seed), averaging(norms):
        # islice starts the loader inside of `untouched`, as that draws, too
        for batch in islice(batches, count):
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
    """Make running statistics plain means of all batches from now on.

    Args:
        norms: The norms to change; each gets its momentum back at the end.
    """
    usual = {norm: norm.momentum for norm in norms}
    counts = dict.fromkeys(norms, 0)

    def before(norm: nn.Module, _: tuple) -> None:
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
