"""Statistics that norms in a block will see, measured on a few batches."""
from collections import Counter
from contextlib import contextmanager
from typing import (Any, Callable, Dict, Iterable, Iterator, List, Sequence,
                    Tuple)

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

from .. import random_state
from ..layers import RepConv2d
from ..nets.walk import branch_by_branch
from .finite import check_finite
from .precision import widest

Run = Callable[[Any], Any]
Statistics = Tuple[Tensor, Tensor]  # mean and variance of each channel


@contextmanager
def untouched(model: nn.Module, seed: int = 0) -> Iterator[None]:
    """Restore modes, buffers and random numbers after runs of a model.

    No gradients are recorded inside.

    Args:
        model: The model to run.
        seed: The seed of the random numbers inside. Defaults to 0.
    """
    modes = {module: module.training for module in model.modules()}
    buffers = [(b, b.clone()) for b in model.buffers()]
    try:
        with random_state.seeded(seed), torch.no_grad():
            yield
    finally:
        for module, mode in modes.items():
            module.training = mode
        for buffer, before in buffers:
            if not torch.equal(buffer, before):
                buffer.copy_(before)


def inputs_of(block: RepConv2d, root: RepConv2d, model: nn.Module,
              batches: Sequence, run: Run) -> Iterator[Tensor]:
    """Yield the input that a block gets from each batch, as in training.

    Args:
        block: ``root`` or a block inside ``root``.
        root: A layer of the model.
        model: The model that contains ``root``.
        batches: Batches like those that the model trains on.
        run: Function that runs the model on a batch. The run is stopped where
            the block begins.
    """
    for batch in batches:
        with untouched(model), branch_by_branch(root):
            handle = block.register_forward_pre_hook(_stop, with_kwargs=True)
            try:
                run(batch)
            except _Reached as reached:
                x = reached.args[0]
            else:
                continue  # this batch does not reach the block
            finally:
                handle.remove()
        yield x.to(block.origin.dtype)  # the run may be in mixed precision


def calls(model: nn.Module, layers: Sequence[nn.Module], batch: Any,
          run: Run) -> List[int]:
    """Return how often each layer runs in a forward pass.

    Processes may differ; the largest number of all processes counts.

    Args:
        model: The model that contains the layers.
        layers: The layers to count.
        batch: A batch like those that the model trains on.
        run: Function that runs the model on a batch.
    """
    counts = Counter()
    handles = [
        layer.register_forward_pre_hook(lambda m, _: counts.update([id(m)]))
        for layer in layers
    ]
    try:
        with untouched(model):
            run(batch)
    finally:
        for handle in handles:
            handle.remove()
    found = torch.tensor([counts[id(layer)] for layer in layers])
    all_reduce(found, 'max')
    return found.tolist()


class _Reached(Exception):
    """Exception that carries the input of a block out of the model."""


def _stop(_: nn.Module, args: tuple, kwargs: dict) -> None:
    raise _Reached(*args, *kwargs.values())


@torch.no_grad()
def measure(block: RepConv2d, norms: Iterable[nn.Module],
            inputs: Iterable[Tensor]) -> Dict[nn.Module, Statistics]:
    """Return the mean and variance of the inputs of norms inside a block.

    Each norm normalises every batch by itself, as it does in training. The
    statistics of its inputs are pooled over batches and processes.

    Args:
        block: The block that runs.
        norms: The norms to measure, all inside ``block``.
        inputs: Inputs of the block, one for each batch.

    Returns:
        The statistics of each norm, by norm. A norm without inputs is absent.

    Raises:
        NotFinite: The inputs of a norm are not finite.
    """
    moments = {norm: Moments() for norm in norms}
    handles = [
        norm.register_forward_pre_hook(moments[norm].watch) for norm in moments
    ]
    try:
        for x in inputs:
            with untouched(block), branch_by_branch(block):
                block.eval()(x)
    finally:
        for handle in handles:
            handle.remove()
    pooled = {norm: m.pooled(norm.running_mean) for norm, m in moments.items()}
    seen = {norm: s for norm, s in pooled.items() if s is not None}
    check_finite('statistics of the last batches in a convolution',
                 [s for pair in seen.values() for s in pair])
    return seen


class Moments:
    """Sums of a norm's inputs over batches, channel by channel."""

    def __init__(self) -> None:
        self.sums = 0.0  # of ones, values and squares, in the widest dtype

    def watch(self, norm: nn.Module, args: tuple) -> None:
        """Add up a batch, and give the norm the statistics of this batch.

        A norm in eval mode then normalises as in training mode.

        Args:
            norm: The norm that is about to run.
            args: The arguments of its forward.
        """
        var, mean = torch.var_mean(
            args[0].float(), dim=(0, 2, 3), correction=0)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(var)
        count = args[0].numel() / len(mean)
        wide = widest(mean.device)
        mean, var = mean.to(wide), var.to(wide)
        self.sums += count * torch.stack(
            [torch.ones_like(mean), mean, var + mean**2])

    def pooled(self, like: Tensor) -> Statistics:
        """Return the mean and the unbiased variance over all processes.

        Args:
            like: A tensor of the wanted length, dtype and device.

        Returns:
            The statistics. None if there is at most one value per channel.
        """
        zeros = like.new_zeros(3, len(like), dtype=widest(like.device))
        sums = self.sums + zeros
        all_reduce(sums)
        count, total, squares = sums
        if not count.min() > 1:
            return None
        mean = total / count
        var = (squares / count - mean**2).clamp_min(0)
        return mean.to(like), (var * count / (count - 1)).to(like)
