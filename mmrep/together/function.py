"""All kernels for autograd, as one function."""
from typing import Any, List, Optional

import torch
from torch import Tensor
from torch.autograd import Function

from ..compat.autocast import without_autocast
from ..compat.compiling import is_batch_of_old
from ..errors import UserError
from ..kernel import Kernel
from .plan import Plan


def make_kernels(plan: Plan) -> List[Kernel]:
    """Return the kernel of each block, with gradients if they are wanted."""
    tensors = plan.tensors
    with without_autocast(tensors[0].device.type):
        if torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
            return plan.kernels(All.apply(plan, *tensors))
        return plan.kernels(plan.parts(plan.make(plan.load(tensors))))


class All(Function):
    """The kernels of a plan, of which autograd keeps the tensors only.

    The backward consists of operations that autograd knows, so that the
    gradients have gradients in turn.
    """

    @staticmethod
    def forward(ctx: Any, plan: Plan, *tensors: Tensor) -> tuple:
        ctx.plan = plan
        ctx.save_for_backward(*tensors)
        ctx.set_materialize_grads(False)
        return tuple(plan.parts(plan.make(plan.load(tensors))))

    @staticmethod
    def backward(ctx: Any, *grads: Optional[Tensor]) -> tuple:
        there = [grad for grad in grads if grad is not None]
        if any(map(is_batch_of_old, there)):
            raise UserError(
                'blocks whose kernels are made together have no rule for '
                '`is_grads_batched` and `vectorize` of torch.autograd: take '
                'torch.func.vmap of torch.autograd.grad')
        plan, wanted = ctx.plan, ctx.needs_input_grad[1:]
        if not there:
            return None, *[None] * len(wanted)
        with without_autocast(there[0].device.type):
            found = plan.pull(
                plan.load(ctx.saved_tensors), plan.whole(grads))
        parts = (p for batch, grad in zip(plan.batches, found)
                 for p in batch.parts(grad))
        return None, *(p if needed else None
                       for p, needed in zip(parts, wanted))
