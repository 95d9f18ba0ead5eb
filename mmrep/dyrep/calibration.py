"""What norms in a block will see, measured on a few batches."""
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
    """Run a model without a trace: modes, buffers, random numbers, grads."""
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
    """What a block gets of each batch, as in training.

    Args:
        block: It, or a block inside of ``root``.
        root: The layer.
        model: Around it.
        batches: Such as the model trains on.
        run: Runs the model on a batch; ends where the block begins.
    """
    for batch in batches:
        with untouched(model), branch_by_branch(root):
            handle = block.register_forward_pre_hook(_stop)
            try:
                run(batch)
            except _Reached as reached:
                x = reached.args[0]
            else:
                continue  # of no use to this batch
            finally:
                handle.remove()
        yield x.to(block.origin.dtype)  # it ran in mixed precision


def calls(model: nn.Module, layers: Sequence[nn.Module], batch: Any,
          run: Run) -> List[int]:
    """How often each of these runs in a forward pass, of any process."""
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
    """Carries the input of a block out of the model."""


def _stop(_: nn.Module, args: tuple) -> None:
    raise _Reached(args[0])


@torch.no_grad()
def measure(block: RepConv2d, norms: Iterable[nn.Module],
            inputs: Iterable[Tensor]) -> Dict[nn.Module, Statistics]:
    """Mean and variance of what norms inside of a block see.

    Each norm normalises every batch by itself, as it does in training, and
    what it sees is pooled over batches and processes.

    Returns:
        Of each norm; none where there is no input.

    Raises:
        NotFinite: What a norm sees is not finite.
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
    """Sums over batches of what a norm sees."""

    def __init__(self) -> None:
        self.sums = 0.0  # of ones, values, squares; as precise as can be

    def watch(self, norm: nn.Module, args: tuple) -> None:
        """Take note, and let the norm in eval mode use this batch's."""
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
        """Mean and unbiased variance over all processes."""
        zeros = like.new_zeros(3, len(like), dtype=widest(like.device))
        sums = self.sums + zeros
        all_reduce(sums)
        count, total, squares = sums
        if not count.min() > 1:
            return None
        mean = total / count
        var = (squares / count - mean**2).clamp_min(0)
        return mean.to(like), (var * count / (count - 1)).to(like)
