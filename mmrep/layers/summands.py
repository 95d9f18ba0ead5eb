"""A branch as a function with a backward that keeps little.

The output of a convolution is kept, which the backward of a norm needs. What a
norm makes of it is not: the backward makes it again, as that costs one pass.
The same holds for an average and for a 1x1 convolution of the block's input.
"""
from typing import List, Optional, Tuple, Union

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..compat.batch_norms import TrainedNorm, trained_norm
from ..compat.operations import (batch_statistics, conv_backward,
                                 norm_backward, statistics_backward,
                                 train_norm)
from .seen_statistics import SeenStatistics
from .spatial import Average, Convolution, Pixels

Grads = List[Optional[Tensor]]
Step = Union[Convolution, Average, Pixels]


class First:
    """1x1 and a norm, in front of a kernel that sees zeros around.

    The kernel of a branch sees the norm's output for zeros around the image.
    Less this value in all pixels, the padding is zero: ``z = norm(conv(x)) -
    value``. A norm that takes batches does not see a constant, so nothing but
    the running mean of the norm behind needs to know the value.

    Args:
        norm: The norm, which takes the statistics of batches.
        seen: Record of its running statistics.
        groups: Groups of the 1x1.
        is_difference: True if the 1x1 is the identity plus its weight.
    """

    tensors = 3

    def __init__(self, norm: TrainedNorm, seen: SeenStatistics, groups: int,
                 is_difference: bool) -> None:
        self.norm, self.seen, self.groups = norm, seen, groups
        self.is_difference = is_difference
        self.call = (1, 1), (0, 0), (1, 1), groups

    def __call__(self, x: Tensor, weight: Tensor, gamma: Tensor,
                 beta: Tensor) -> Tuple[Tensor, tuple, Tensor]:
        """Return ``z``, the tensors that the backward takes, and the value."""
        norm = self.norm
        y = F.conv2d(x, self.whole(weight), None, *self.call)
        check_size(y)
        mean, var = batch_statistics(y, norm.mean, norm.var, norm.momentum)
        offset = self.seen.offset(y, norm.mean, norm.var, norm.eps)
        shift = gamma * offset
        kept = y, mean, var, offset
        return self.normed(kept, gamma, shift), kept, beta - shift

    def normed(self, kept: tuple, gamma: Tensor, shift: Tensor) -> Tensor:
        """Return ``z`` from what was kept."""
        y, mean, var, _ = kept
        return F.batch_norm(y, mean, var, gamma, shift, False, 0.,
                            self.norm.eps)

    def again(self, kept: tuple, weight: Tensor, gamma: Tensor,
              beta: Tensor) -> Tensor:
        """Return ``z`` in the backward."""
        return self.normed(kept, gamma, gamma * kept[-1])

    def backward(self, grad: Tensor, mask: list, kept: tuple, x: Tensor,
                 weight: Tensor, gamma: Tensor, beta: Tensor) -> Grads:
        """Return the gradients of the features and the three tensors."""
        y, mean, var, offset = kept
        convolves = mask[0] or mask[1]
        scale = torch.rsqrt(var + self.norm.eps)
        of_y, of_gamma, of_shift = statistics_backward(
            grad, y, gamma, mean, scale, self.norm.eps,
            [convolves, mask[2], mask[2]])
        of_x = of_weight = None
        if convolves:
            of_x, of_weight = conv_backward(of_y, x, self.whole(weight),
                                            self.call, mask[:2])
        if mask[2]:
            of_gamma = torch.addcmul(of_gamma, of_shift, offset)
        of_beta = torch.zeros_like(beta) if mask[3] else None
        return [of_x, of_weight, of_gamma if mask[2] else None, of_beta]

    def plain(self, kept: tuple, x: Tensor, weight: Tensor, gamma: Tensor,
              beta: Tensor) -> Tensor:
        """Return ``z`` by operations that autograd follows."""
        y = F.conv2d(x, self.whole(weight), None, *self.call)
        return F.batch_norm(y, None, None, gamma, gamma * kept[-1], True, 0.,
                            self.norm.eps)

    def whole(self, weight: Tensor) -> Tensor:
        """Return the weight of the 1x1 itself."""
        if not self.is_difference:
            return weight
        whole = weight.clone()
        square = whole.view(self.groups, weight.size(1), weight.size(1))
        square.diagonal(dim1=1, dim2=2).add_(1)
        return whole


class Summand:
    """``norm(step(first(x)))`` with statistics of batches.

    Args:
        step: The last step on features.
        norm: The norm behind it. None for none.
        first: 1x1 and norm in front of it. Defaults to None.
        is_light: True to compute the step again in the backward, rather than
            keep its output. Defaults to False.
    """

    def __init__(self,
                 step: Step,
                 norm: Optional[TrainedNorm],
                 first: Optional[First] = None,
                 is_light: bool = False) -> None:
        self.step, self.norm, self.first = step, norm, first
        self.is_light = is_light
        self.start = 0 if first is None else first.tensors
        self.end = self.start + step.weights
        self.tensors = self.end + (0 if norm is None else 2)
        self.kept = 0  # number of tensors that the backward takes

    def norms(self) -> List[TrainedNorm]:
        found = () if self.first is None else (self.first.norm, )
        return found if self.norm is None else (*found, self.norm)

    def forward(self, x: Tensor, tensors: list, kept: list) -> Tensor:
        """Return the features, and append what the backward takes.

        Args:
            x: The block's input.
            tensors: Those of the first step, the weight, those of the norm.
            kept: The list to append to.
        """
        weight, before = tensors[self.start:self.end], len(kept)
        if self.first is not None:
            x, of_first, value = self.first(x, *tensors[:self.start])
            kept.extend(of_first)
        y = self.step(x, *weight)
        if self.norm is not None:
            if not self.is_light:
                kept.append(y)
            y = self._normed(y, tensors, kept)
        if self.first is not None:
            self.norm.mean.add_(
                self.step.of_constant(value, *weight),
                alpha=self.norm.momentum)
        self.kept = len(kept) - before
        return y

    def _normed(self, y: Tensor, tensors: list, kept: list) -> Tensor:
        check_size(y)
        y, of_norm, self.index = train_norm(y, self.norm, *tensors[self.end:])
        kept.extend(of_norm)
        return y

    def backward(self, grad: Tensor, mask: list, x: Tensor, tensors: list,
                 kept: list) -> Grads:
        """Return the gradients of the input and of all tensors.

        Args:
            grad: Gradient of the output.
            mask: True for each gradient that is needed.
            x: The block's input.
            tensors: The tensors that :meth:`forward` took.
            kept: What it kept.
        """
        start, end = self.start, self.end
        weight, of_norm, of_first = tensors[start:end], [], kept[:4]
        front = any(mask[:start + 1])
        deep = front or any(mask[start + 1:end + 1])
        z = x
        if self.first is not None and (deep or self.is_light):
            z = self.first.again(of_first, *tensors[:start])
        if self.norm is not None:
            y = self.step(z, *weight) if self.is_light else kept[-4]
            grad, *of_norm = norm_backward(
                grad, y, tensors[end], kept[-3:], self.index, self.norm.eps,
                [deep, *mask[end + 1:]])
            of_norm = [g if m else None
                       for g, m in zip(of_norm, mask[end + 1:])]
        of_x = of_weight = None
        if deep:
            step_mask = [front, *mask[start + 1:end + 1]]
            of_x, of_weight = self.step.backward(grad, step_mask, z, *weight)
        of_weight = [of_weight] * self.step.weights
        if self.first is None:
            return [of_x, *of_weight, *of_norm]
        if not front:
            return [None] * (start + 1) + [*of_weight, *of_norm]
        return [
            *self.first.backward(of_x, mask, of_first, x, *tensors[:start]),
            *of_weight, *of_norm
        ]

    def plain(self, x: Tensor, tensors: list, kept: list) -> Tensor:
        """Return the features by operations that autograd follows."""
        weight = tensors[self.start:self.end]
        if self.first is not None:
            x = self.first.plain(kept[:4], x, *tensors[:self.start])
        y = self.step(x, *weight)
        if self.norm is None:
            return y
        return F.batch_norm(y, None, None, *tensors[self.end:], True, 0.,
                            self.norm.eps)


Found = Optional[Tuple[Summand, tuple]]  # a summand and its tensors


def check_size(y: Tensor) -> None:
    """Refuse a batch of one value a channel, as every batch norm does.

    Raises:
        ValueError: There is no variance.
    """
    if y.numel() == y.size(1):
        F.batch_norm(y, None, None, training=True)


def summand(step: Optional[Step],
            norm: Optional[nn.Module],
            weights: tuple,
            first: Optional[First] = None,
            is_light: bool = False) -> Found:
    """Return a summand and the tensors that it takes.

    Args:
        step: The last step on features, None if there is no such step.
        norm: The norm behind it. None for none.
        weights: The tensors of ``first``, and the step's weight.
        first: 1x1 and norm in front of it. Defaults to None.
        is_light: As of :class:`Summand`. Defaults to False.

    Returns:
        None if there is no step, or if the norm takes no batches or has hooks.
    """
    if step is None:
        return None
    if norm is None:
        return Summand(step, None, first), weights
    trained = trained_norm(norm)
    if trained is None:
        return None
    made = Summand(step, trained, first, is_light)
    return made, (*weights, trained.weight, trained.bias)
