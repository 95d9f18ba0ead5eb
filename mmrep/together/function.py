"""All kernels for autograd, as one function."""
from typing import Any, Dict, List, Optional

import torch
from torch import Tensor
from torch.autograd import Function

from ..compat.autocast import without_autocast
from ..compat.compiling import is_batch_of_old
from ..errors import UserError
from ..kernel import Kernel
from ..layers import RepConv2d
from .plan import Plan


def make_kernels(plan: Plan) -> Dict[RepConv2d, Kernel]:
    """Return the kernels of all blocks, with their gradients if wanted."""
    with without_autocast(plan.tensors[0].device.type):
        felt = torch.is_grad_enabled() and any(t.requires_grad
                                               for t in plan.tensors)
        made = iter(
            All.apply(plan, *plan.tensors) if felt else plan.
            kernels(plan.tensors))
    return {
        block: Kernel(*(next(made) for _ in range(size)))
        for block, size in zip(plan.blocks, plan.sizes)
    }


class All(Function):
    """The kernels of a plan, of which autograd keeps the tensors only.

    The backward makes its gradients of operations that autograd knows, so
    that these have gradients in turn.
    """

    @staticmethod
    def forward(ctx: Any, plan: Plan, *tensors: Tensor) -> tuple:
        ctx.plan = plan
        ctx.save_for_backward(*tensors)
        ctx.set_materialize_grads(False)
        return tuple(plan.kernels(tensors))

    @staticmethod
    def backward(ctx: Any, *grads: Optional[Tensor]) -> tuple:
        there = [grad for grad in grads if grad is not None]
        if any(map(is_batch_of_old, there)):
            raise UserError(
                'blocks whose kernels are made together have no rule for '
                '`is_grads_batched` and `vectorize` of torch.autograd: take '
                'torch.func.vmap of torch.autograd.grad')
        found: List[Optional[Tensor]] = [None] * len(ctx.saved_tensors)
        if there:
            with without_autocast(there[0].device.type):
                found = ctx.plan.gradients(ctx.saved_tensors, list(grads))
        return None, *(
            grad if needed else None
            for grad, needed in zip(found, ctx.needs_input_grad[1:]))
