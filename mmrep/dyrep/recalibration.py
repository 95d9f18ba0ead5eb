"""Running statistics of norms, measured anew with the weights of now."""
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
