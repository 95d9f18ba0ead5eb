"""The sum of a block's branches as one function of autograd.

``sum_b norm_b(step_b(x))``, the same numbers as branch by branch, with fewer
calls and fewer features kept, see :mod:`mmrep.layers.summands`.
"""
from typing import Any, List, Optional, Tuple

import torch
from torch import Tensor, nn
from torch.autograd import Function

from ..compat.autocasting import autocast_dtype
from ..compat.compiling import (is_batch_of_old, is_compiling, is_functional)
from ..compat.hooks import has_global_hooks, is_bare
from ..compat.operations import add_to_all
from .branch import Branch
from .geometry import Geometry
from .summands import Found, Summand

DEVICES = ('cpu', 'cuda')
TYPES = (Tensor, nn.Parameter)


def may_sum(x: Tensor) -> bool:
    """Return True if a block may sum branches of this input by itself.

    Compilers, traces and transforms follow PyTorch's own operations only.
    """
    return (type(x) in TYPES and x.device.type in DEVICES and x.numel() > 0
            and not (is_compiling() or torch.jit.is_tracing()
                     or is_functional() or has_global_hooks()))


class BranchSum:
    """The branches of a block that run as one function.

    Args:
        x: The block's input.
        geometry: The block's geometry.
    """

    def __init__(self, x: Tensor, geometry: Geometry) -> None:
        self.x, self.geometry = x, geometry
        self.runs = may_sum(x)
        self.parts: List[Summand] = []
        self.tensors: List[Tensor] = []

    def take(self, found: Found) -> bool:
        """Take a summand and its tensors; return False if there is none."""
        if not self.runs or found is None:
            return False
        self.parts.append(found[0])
        self.tensors.extend(found[1])
        return True

    def take_branch(self, branch: Branch) -> bool:
        """Take a branch, unless it must run as a module."""
        return (self.runs and is_bare(branch)
                and self.take(branch.summand(self.geometry)))

    @property
    def cast(self) -> Optional[torch.dtype]:
        """The dtype to which autocast casts, None for none."""
        if self.x.dtype == torch.float64:  # which it leaves alone
            return None
        return autocast_dtype(self.x.device.type)

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of a convolution's output."""
        return self.cast or self.x.dtype

    def add_to(self, out: Optional[Tensor]) -> Tensor:
        """Add the sum to features, if there are any and anything was taken."""
        if not self.parts:
            return out
        counts = [
            norm.count for part in self.parts for norm in part.norms()
            if norm.count is not None
        ]
        if counts:
            add_to_all(counts, 1)
        found = self._sum(self.cast)
        return found if out is None else out + found

    def _sum(self, cast: Optional[torch.dtype]) -> Tensor:
        if cast is None:
            return Sum.apply(self.parts, None, self.x, *self.tensors)
        with torch.autocast(self.x.device.type, enabled=False):
            return Sum.apply(self.parts, cast, self.x, *self.tensors)


class Sum(Function):
    """The sum of summands; see :class:`BranchSum`.

    Nothing is differentiated twice here: a backward that must be
    differentiable runs PyTorch's own operations again.
    """

    @staticmethod
    def forward(ctx: Any, parts: List[Summand], dtype: Optional[torch.dtype],
                x: Tensor, *tensors: Tensor) -> Tensor:
        ctx.parts, ctx.dtype = parts, dtype
        kept, out = [], None
        for part, inputs in zip(parts, views(parts, dtype, x, tensors)):
            y = part.forward(*inputs, kept)
            out = y if out is None else added(out, y)
        ctx.save_for_backward(x, *tensors, *kept)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple:
        if torch.is_grad_enabled() or is_functional() or (
                is_batch_of_old(grad)):
            return None, None, *differentiable(ctx, grad)
        device = grad.device.type
        if autocast_dtype(device) is None:
            return None, None, *gradients(ctx, grad)
        with torch.autocast(device, enabled=False):
            return None, None, *gradients(ctx, grad)


def gradients(ctx: Any, grad: Tensor) -> List[Optional[Tensor]]:
    """Return the gradients of a sum's input and tensors."""
    x, tensors, kept = saved(ctx)
    grads, of_x, at = [], None, 3
    grad = dense(grad)
    for part, (seen, own), mine in zip(
            ctx.parts, views(ctx.parts, ctx.dtype, x, tensors), kept):
        mask = [ctx.needs_input_grad[2]]
        mask.extend(ctx.needs_input_grad[at:at + part.tensors])
        at += part.tensors
        if any(mask):
            found, *own = part.backward(
                grad.to(seen.dtype), mask, seen, own, mine)
        else:
            found, own = None, [None] * part.tensors
        grads.extend(own)
        if mask[0]:
            found = found.to(x.dtype)
            of_x = found if of_x is None else added(of_x, found)
    if ctx.dtype is not None:
        grads = [g if g is None else g.to(t.dtype)
                 for g, t in zip(grads, tensors)]
    return [of_x, *grads]


def differentiable(ctx: Any, grad: Tensor) -> List[Optional[Tensor]]:
    """Return the gradients by operations that can be differentiated."""
    x, tensors, kept = saved(ctx)
    create_graph = torch.is_grad_enabled()
    needed = [t for t, n in zip((x, *tensors), ctx.needs_input_grad[2:]) if n]
    with torch.enable_grad(), torch.autocast(grad.device.type, enabled=False):
        out = None
        for part, inputs, mine in zip(
                ctx.parts, views(ctx.parts, ctx.dtype, x, tensors), kept):
            y = part.plain(*inputs, mine)
            out = y if out is None else out + y
    found = iter(
        torch.autograd.grad(
            out, needed, grad, create_graph=create_graph, allow_unused=True))
    grads = [
        next(found) if n else None for n in ctx.needs_input_grad[2:]
    ]
    return [
        torch.zeros_like(t) if n and g is None else g
        for g, t, n in zip(grads, (x, *tensors), ctx.needs_input_grad[2:])
    ]


def saved(ctx: Any) -> tuple:
    """Return the input, all tensors, and what each summand kept."""
    x, *rest = ctx.saved_tensors
    at = sum(part.tensors for part in ctx.parts)
    tensors, kept = rest[:at], []
    for part in ctx.parts:
        kept.append(rest[at:at + part.kept])
        at += part.kept
    return x, tensors, kept


def views(parts: List[Summand], dtype: Optional[torch.dtype], x: Tensor,
          tensors: tuple) -> List[Tuple[Tensor, list]]:
    """Return the input and the tensors of each summand, cast for autocast.

    Args:
        parts: The summands.
        dtype: The dtype of convolutions. None to leave all as they are.
        x: The block's input.
        tensors: The tensors of all summands.
    """
    cast = x
    if dtype is not None:
        cast = x.to(dtype)
        tensors = [t.to(dtype) if t.dim() == 4 else t for t in tensors]
    found, at = [], 0
    for part in parts:
        end = at + part.tensors
        found.append((x if part.step.sees_pixels else cast, tensors[at:end]))
        at = end
    return found


def added(total: Tensor, other: Tensor) -> Tensor:
    """Return a sum, in place of ``total`` where its dtype can hold it."""
    same = total.dtype == other.dtype
    return total.add_(other) if same else total + other


def dense(grad: Tensor) -> Tensor:
    """Return a gradient in memory of its own; a sum's may be one number."""
    if grad.is_contiguous() or grad.is_contiguous(
            memory_format=torch.channels_last):
        return grad
    return grad.contiguous()
