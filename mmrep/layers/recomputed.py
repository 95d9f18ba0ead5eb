"""Branches of two steps as one function of autograd."""
from typing import Any, List, Optional

import torch
from torch import Tensor
from torch.autograd import Function

from ..compat.autocasting import autocast_dtype
from ..compat.autograd import may_run_again
from ..compat.batch_norms import TrainedNorm
from ..compat.compiling import is_batch_of_old, is_compiling, is_functional
from .direct import Direct
from .kept import REAL
from .two_steps import First, Grads, TwoSteps

SMALL = 2**16  # features of a quarter of a MiB, which are not worth a detour


def may_recompute(x: Tensor) -> bool:
    """Return True if a branch may use a function of its own for this input.

    Compilers, traces and transforms follow PyTorch's own operations only.
    """
    return (type(x) in REAL and (x.is_cpu or x.is_cuda) and x.numel() > 0 and
            not (is_compiling() or torch.jit.is_tracing() or is_functional()))


def run(direct: Direct, x: Tensor, one: tuple, other: tuple, weight: Tensor,
        *second: Tensor) -> Tensor:
    """Return the features of a branch.

    Args:
        direct: The branch.
        x: Its input.
        one: Values of the first norm, as in :class:`TrainedNorm`.
        other: Values of the second norm.
        weight: Weight of the first step.
        second: Weight of the second step, if it has one.
    """
    for norm in (one, other):
        count = norm[4]
        if count is not None:
            count.add_(1)
    if x.numel() <= SMALL:
        return direct(x, one, other, weight, *second)
    first = First(
        TrainedNorm(*one), direct.seen, direct.groups, direct.adds(weight),
        may_run_again())
    steps = TwoSteps(first, direct.step, TrainedNorm(*other))
    return recompute(steps, x, weight, *one[:2], *second, *other[:2])


def recompute(steps: TwoSteps, x: Tensor, *tensors: Tensor) -> Tensor:
    """Return the features of a branch, by :class:`Recomputed`.

    Args:
        steps: The branch.
        x: Its input.
        tensors: Its tensors, as in :class:`TwoSteps`.
    """
    dtype = autocast_dtype(x.device.type)
    if dtype is None or x.dtype == torch.float64:  # which it leaves alone
        return Recomputed.apply(steps, x, *tensors)
    with torch.autocast(x.device.type, enabled=False):
        weights = [t.to(dtype) if t.dim() == 4 else t for t in tensors]
        return Recomputed.apply(steps, x.to(dtype), *weights)


class Recomputed(Function):
    """:meth:`TwoSteps.forward` and its backward.

    A backward that must be differentiable, or that is batched, runs PyTorch's
    own operations again.
    """

    @staticmethod
    def forward(ctx: Any, steps: TwoSteps, *tensors: Tensor) -> Tensor:
        out, kept = steps.forward(*tensors)
        ctx.steps, ctx.count = steps, len(tensors)
        ctx.save_for_backward(*tensors, *kept)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple:
        saved, mask = ctx.saved_tensors, ctx.needs_input_grad[1:]
        tensors, kept = saved[:ctx.count], saved[ctx.count:]
        if (torch.is_grad_enabled() or is_functional()
                or is_batch_of_old(grad)):
            return None, *differentiable(ctx.steps, grad, mask, kept, tensors)
        if autocast_dtype(grad.device.type) is None:
            return None, *ctx.steps.backward(grad, mask, kept, *tensors)
        with torch.autocast(grad.device.type, enabled=False):
            return None, *ctx.steps.backward(grad, mask, kept, *tensors)


def differentiable(steps: TwoSteps, grad: Tensor, mask: List[bool],
                   kept: tuple, tensors: tuple) -> Grads:
    """Return the gradients by operations that can be differentiated."""
    create_graph = torch.is_grad_enabled()
    needed = [t for t, is_needed in zip(tensors, mask) if is_needed]
    with torch.enable_grad(), torch.autocast(grad.device.type, enabled=False):
        out = steps.plain(kept, *tensors)
        found = iter(
            torch.autograd.grad(
                out,
                needed,
                grad,
                create_graph=create_graph,
                allow_unused=True))
    grads: List[Optional[Tensor]] = []
    for tensor, is_needed in zip(tensors, mask):
        slope = next(found) if is_needed else None
        if is_needed and slope is None:  # the border, behind which is a norm
            slope = torch.zeros_like(tensor)
        grads.append(slope)
    return grads
