"""All kernels for autograd, as one function."""
from typing import Any, List, Optional

import torch
from torch import Tensor
from torch.autograd import Function

from ..compat.autocasting import without_autocast
from ..compat.compiling import is_batch_of_old
from ..errors import UserError
from ..kernel import Kernel
from .engine import Direct


def make_kernels(engine: Direct) -> List[Kernel]:
    """Return the kernel of each block, with gradients if they are wanted."""
    plan, tensors = engine.plan, engine.plan.tensors
    with without_autocast(tensors[0].device.type):
        if torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
            return plan.kernels(All.apply(engine, *tensors))
        return plan.kernels(engine.make(tensors))


class All(Function):
    """The kernels of a plan, of which autograd keeps the tensors only.

    The backward consists of operations that autograd knows, so that the
    gradients have gradients in turn.
    """

    @staticmethod
    def forward(ctx: Any, engine: Direct, *tensors: Tensor) -> tuple:
        ctx.engine = engine
        ctx.save_for_backward(*tensors)
        ctx.set_materialize_grads(False)
        made = tuple(engine.make(tensors))
        ctx.seen = engine.seen()
        return made

    @staticmethod
    def backward(ctx: Any, *grads: Optional[Tensor]) -> tuple:
        there = [grad for grad in grads if grad is not None]
        if any(map(is_batch_of_old, there)):
            raise UserError(
                'blocks whose kernels are made together have no rule for '
                '`is_grads_batched` and `vectorize` of torch.autograd: take '
                'torch.func.vmap of torch.autograd.grad')
        wanted = ctx.needs_input_grad[1:]
        if not there:
            return None, *[None] * len(wanted)
        if len(there) < len(grads):  # a block has no part in the loss
            reached = ctx.engine.plan.reached(list(grads))
            wanted = [a and b for a, b in zip(wanted, reached)]
        with without_autocast(there[0].device.type):
            found = ctx.engine.pull(ctx.saved_tensors, list(grads), ctx.seen)
        return None, *(grad if needed else None
                       for grad, needed in zip(found, wanted))
