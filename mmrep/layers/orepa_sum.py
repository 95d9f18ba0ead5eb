"""The sum of OREPA's branches, at the price of its arithmetic.

Section 3.3 of the paper: ``kernel = sum_b scale[b] * kernel_b``. No
``kernel_b`` is made on the way, and autograd keeps nothing but parameters:
the gradient of a factor is a contraction of the kernel's gradient with the
other factors, that of a scale is the product of a factor and its gradient.
"""
from itertools import chain, groupby, islice
from typing import Dict, List, NamedTuple, Optional

import torch
from torch import Tensor
from torch.autograd import Function

from ..compat.compiling import is_batch_of_old
from ..errors import UserError
from .orepa_branches import Branch
from .orepa_terms import Scratch, Tensors, Term, column, dots, scaled

# the first makes the total to which the others are added in place
ORDER = ('product', '1x1_kxk', 'average', 'prior', '1x1', 'separable')


class Part(NamedTuple):
    """A term, the branches in it and their rows of the scales."""

    term: Term
    names: List[str]
    rows: List[int]


Plan = List[Part]


def plan_of(branches: Dict[str, Branch]) -> Plan:
    """The terms of branches, in the order of the scales from row 1 on."""
    rows = {name: i for i, name in enumerate(branches, 1)}
    parts = []
    names = sorted(branches, key=ORDER.index)
    for term, group in groupby(names, lambda name: branches[name].term()):
        group = list(group)
        parts.append(Part(term, group, [rows[name] for name in group]))
    return parts


def factors_of(plan: Plan, branches: Dict[str, Branch]) -> List[Tensor]:
    """The factors of all terms: the first of each branch, then the second."""
    return [
        factor for part in plan for same in zip(*(branches[name].factors()
                                                  for name in part.names))
        for factor in same
    ]


def contract(plan: Plan, weight: Tensor, scale: Tensor, *factors:
             Tensor) -> Tensor:
    """``scale[0] * weight`` plus the terms, in the layout of the weight.

    Args:
        plan: The terms, in the order of their factors.
        weight: (out_channels, in_channels / groups, height, width).
        scale: (branches, out_channels), the weight's first.
        factors: Of all terms.
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
            out=torch.empty_like(weight))
    for term, *mine in terms:
        if not term.taps_first:
            term.add(kernel, *mine, Scratch(total))
    return kernel


def gradients(plan: Plan, grad: Tensor, weight: Tensor, scale: Tensor,
              *factors: Tensor) -> List[Optional[Tensor]]:
    """Those of :func:`contract`'s tensors, from its kernel's."""
    terms = _terms(plan, scale, factors)
    taps_first = grad.permute(0, 2, 3, 1).flatten(1, 2)
    taps_first = taps_first.clone(memory_format=torch.contiguous_format)
    scratch = Scratch(taps_first)
    of_rows, of_factors = [None] * len(scale), [None] * len(plan)
    for i in sorted(range(len(plan)), key=lambda i: plan[i].term.turn):
        term, *mine = terms[i]
        of_scales, of_factors[i] = term.gradients(
            taps_first if term.taps_first else grad, *mine, scratch)
        for row, of_scale in zip(plan[i].rows, of_scales):
            of_rows[row] = of_scale
    of_rows[0] = dots(grad, weight, scratch)
    return [scaled(grad, scale[0]), torch.stack(of_rows), *chain(*of_factors)]


class Sum(Function):
    """:func:`contract`, of which autograd keeps the tensors it is given.

    Transforms of torch.func and forward-mode AD do not come here: for them
    the layer has PyTorch's own operations.
    """

    @staticmethod
    def forward(plan: Plan, *tensors: Tensor) -> Tensor:
        return contract(plan, *tensors)

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        ctx.plan = inputs[0]
        ctx.save_for_backward(*inputs[1:])

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple:
        if is_batch_of_old(grad):
            raise UserError(
                'OREPAConv2d has no rule for `is_grads_batched` and '
                '`vectorize` of torch.autograd: take torch.func.vmap of '
                'torch.autograd.grad, or torch.func.jacrev')
        with torch.autocast(grad.device.type, enabled=False):
            return None, *gradients(ctx.plan, grad, *ctx.saved_tensors)


def _terms(plan: Plan, scale: Tensor, factors: Tensors) -> list:
    """Each term with its scales and factors."""
    rows, each = scale.unbind(), iter(factors)
    return [(part.term, [rows[row] for row in part.rows],
             list(islice(each, 2 * len(part.rows)))) for part in plan]
