"""The sum of OREPA's branches, at the price of its arithmetic.

Section 3.3 of the paper: ``kernel = sum_b scale[b] * kernel_b``. No
``kernel_b`` is made on the way, and autograd keeps nothing but parameters:
the gradient of a factor is a contraction of the kernel's gradient with the
other factors, that of a scale is the product of a factor and its gradient.
"""
from itertools import chain, groupby, islice
from typing import Any, Dict, List, NamedTuple, Optional

import torch
from torch import Tensor
from torch.autograd import Function

from ..compat.compiling import is_batch_of_old
from ..errors import UserError
from .orepa_branch import KernelBranch
from .orepa_terms import (Scratch, Tensors, Term, column, dots, is_watched,
                          scaled)


class Summand(NamedTuple):
    """A term, the branches in it and their rows of the scales."""

    term: Term
    names: List[str]
    rows: List[int]


Plan = List[Summand]


def plan_of(branches: Dict[str, KernelBranch]) -> Optional[Plan]:
    """Return the terms of branches, whose scales begin in row 1.

    Returns:
        The terms, or None if a branch has a kernel only.
    """
    terms = {name: branch.term() for name, branch in branches.items()}
    if None in terms.values():
        return None
    rows = {name: i for i, name in enumerate(branches, 1)}
    parts = []
    # the first term makes the total, to which the others are added in place
    names = sorted(branches, key=lambda n: (terms[n].added, branches[n].order))
    for term, group in groupby(names, terms.get):
        group = list(group)
        each = [group] if term.joins else [[name] for name in group]
        parts += [Summand(term, g, [rows[name] for name in g]) for g in each]
    return parts


def factors_of(plan: Plan, branches: Dict[str, KernelBranch]) -> List[Tensor]:
    """Return the factors of all terms.

    A term has the first factors of its branches, then the second ones.
    """
    return [
        factor for part in plan
        for same in zip(*(branches[name].term_factors()
                          for name in part.names)) for factor in same
    ]


def contract(plan: Plan, weight: Tensor, scale: Tensor, *factors:
             Tensor) -> Tensor:
    """Return ``scale[0] * weight`` plus the terms, in the weight's layout.

    Args:
        plan: The terms, in the order of their factors.
        weight: A tensor (out_channels, in_channels / groups, height, width).
        scale: Scales (branches, out_channels), the weight's first.
        factors: Factors of all terms.
    """
    terms = _terms(plan, scale, factors)
    total = None
    for term, *mine in terms:
        if term.taps_first:
            total = term.add(total, *mine, Scratch())
    if total is None:
        kernel = scaled(weight, scale[0])
    else:
        spatial = total.unflatten(1, weight.shape[2:]).permute(0, 3, 1, 2)
        kernel = torch.addcmul(
            spatial,
            weight,
            column(scale[0], weight),
            out=None if is_watched() else torch.empty_like(weight))
    for term, *mine in terms:
        if not term.taps_first:
            kernel = term.add(kernel, *mine, Scratch(total))
    return kernel


def gradients(plan: Plan, grad: Tensor, weight: Tensor, scale: Tensor,
              *factors: Tensor) -> List[Optional[Tensor]]:
    """Return the gradients of :func:`contract`'s tensors.

    Args:
        plan: The terms, in the order of their factors.
        grad: Gradient of the kernel.
        weight: The weight that :func:`contract` got.
        scale: The scales that it got.
        factors: The factors that it got.
    """
    terms = _terms(plan, scale, factors)
    taps_first = grad.permute(0, 2, 3, 1).flatten(1, 2)
    taps_first = taps_first.clone(memory_format=torch.contiguous_format)
    scratch = Scratch(taps_first)
    of_rows, of_factors = [None] * len(scale), [None] * len(plan)
    order = sorted(range(len(plan)), key=lambda i: plan[i].term.turn)
    pairs = [i for i in order if plan[i].term.uses_up]
    for i in order:
        term, *mine = terms[i]
        own, room = taps_first if term.taps_first else grad, scratch
        if i in pairs[:-1]:  # the next one reads it, too
            own, room = own.clone(), Scratch()
        of_scales, of_factors[i] = term.gradients(own, *mine, room)
        for row, of_scale in zip(plan[i].rows, of_scales):
            of_rows[row] = of_scale
    of_rows[0] = dots(grad, weight, scratch)
    return [scaled(grad, scale[0]), torch.stack(of_rows), *chain(*of_factors)]


class Sum(Function):
    """:func:`contract` for autograd, which keeps the given tensors only.

    Transforms of torch.func and forward-mode AD do not come here: the layer
    uses PyTorch's own operations for them, and :mod:`mmrep.together` makes
    kernels of many layers by :class:`~mmrep.together.sums.Sums`.
    """

    @staticmethod
    def forward(plan: Plan, *tensors: Tensor) -> Tensor:
        return contract(plan, *tensors)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        ctx.plan = inputs[0]
        ctx.save_for_backward(*inputs[1:])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple:
        if is_batch_of_old(grad):
            raise UserError(
                'OREPAConv2d has no rule for `is_grads_batched` and '
                '`vectorize` of torch.autograd: take torch.func.vmap of '
                'torch.autograd.grad, or torch.func.jacrev')
        with torch.autocast(grad.device.type, enabled=False):
            return None, *gradients(ctx.plan, grad, *ctx.saved_tensors)


def _terms(plan: Plan, scale: Tensor, factors: Tensors) -> list:
    """Return each term with its scales and factors."""
    rows, each = scale.unbind(), iter(factors)
    return [(part.term, [rows[row] for row in part.rows],
             list(islice(each, 2 * len(part.rows)))) for part in plan]
