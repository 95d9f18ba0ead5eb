"""1x1, norm, a second step, norm: with a backward that keeps little.

The branch keeps the outputs of its convolutions, which the backward of norms
needs. It keeps neither padded nor normalised features: the backward makes
those again, as each costs one pass.

The second step sees the first norm's output for zeros around the image. Less
this value in all pixels the padding is zero, and a norm that takes batches
does not see a constant. So nothing but the running mean of the second norm
needs to know the value.
"""
from typing import List, NamedTuple, Optional, Tuple, Union

import torch
import torch.nn.functional as F
from torch import Tensor

from ..compat.batch_norms import TrainedNorm, check_size, cudnn_is_on
from ..compat.operations import (batch_statistics, conv_backward,
                                 norm_backward, statistics_backward,
                                 train_norm)
from .seen_statistics import SeenStatistics
from .steps import Average, Convolution

Grads = List[Optional[Tensor]]


class First(NamedTuple):
    """1x1 and norm, less its value for zeros: ``gamma * (y' + offset)``.

    ``y'`` has mean 0 and variance 1, and ``offset`` is the running mean over
    the running deviation, which has no gradient.
    """

    norm: TrainedNorm
    seen: SeenStatistics
    groups: int
    is_difference: bool  # the weight is added to the identity
    records: bool  # the forward may run again

    def conv(self, x: Tensor, weight: Tensor) -> Tensor:
        y = F.conv2d(x, weight, None, 1, 0, 1, self.groups)
        return y.add_(x) if self.is_difference else y

    def statistics(self, y: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
        """Return mean, variance and offset; update the running ones."""
        check_size(y)
        norm = self.norm
        mean, var = batch_statistics(y, norm.mean, norm.var, norm.momentum)
        return mean, var, self.seen.offset(y, norm.mean, norm.var, norm.eps,
                                           self.records)

    def normed(self, y: Tensor, gamma: Tensor, mean: Tensor, var: Tensor,
               shift: Tensor) -> Tensor:
        return torch.batch_norm(y, gamma, shift, mean, var, False, 0.,
                                self.norm.eps, cudnn_is_on())

    def backward(self, grad: Tensor, mask: List[bool], x: Tensor, y: Tensor,
                 weight: Tensor, gamma: Tensor, kept: tuple) -> Grads:
        """Return the gradients of the features, of weight and gamma."""
        mean, var, offset = kept
        deep = mask[0] or mask[1]
        scale = torch.rsqrt(var + self.norm.eps)
        of_y, of_gamma, of_shift = statistics_backward(
            grad, y, gamma, mean, scale, self.norm.eps,
            [deep, mask[2], mask[2]])
        of_x = of_weight = None
        if deep:
            call = (1, 1), (0, 0), (1, 1), self.groups
            of_x, of_weight = conv_backward(of_y, x, weight, call, mask[:2])
        if mask[0] and self.is_difference:
            of_x.add_(of_y)
        if mask[2]:
            of_gamma = torch.addcmul(of_gamma, of_shift, offset)
        return [of_x, of_weight, of_gamma if mask[2] else None]


class TwoSteps:
    """The branch in one forward: ``norm(step(first(x)))``.

    Its tensors are weight, gamma and beta of the first step, the weight of
    the second, if it has one, and gamma and beta of the second norm.

    Args:
        first: The first step.
        step: The second step.
        norm: The norm behind it.
    """

    def __init__(self, first: First, step: Union[Convolution, Average],
                 norm: TrainedNorm) -> None:
        self.first, self.step, self.norm = first, step, norm
        # an average is cheap: the backward makes its input again, too
        self.is_light = isinstance(step, Average)
        self.index = 0  # of the second norm's implementation

    def forward(self, x: Tensor, weight: Tensor, gamma: Tensor, beta: Tensor,
                *rest: Tensor) -> Tuple[Tensor, tuple]:
        """Return the features and what the backward keeps."""
        second, of_norm = rest[:-2], rest[-2:]
        y = self.first.conv(x, weight)
        mean, var, offset = self.first.statistics(y)
        shift = gamma * offset
        z = self.step(self.first.normed(y, gamma, mean, var, shift), *second)
        check_size(z)
        out, kept, self.index = train_norm(z, self.norm, *of_norm)
        self.add_border(beta - shift, *second)
        features = () if self.is_light else (y, z)
        return out, (*features, mean, var, offset, *kept)

    def backward(self, grad: Tensor, mask: List[bool], kept: tuple, x: Tensor,
                 weight: Tensor, gamma: Tensor, beta: Tensor, *rest:
                 Tensor) -> Grads:
        """Return the gradients of the input and of all tensors.

        Args:
            grad: Gradient of the features.
            mask: True for each gradient that is needed.
            kept: What :meth:`forward` returned for the backward.
            x: The input.
            weight: First weight.
            gamma: Weight of the first norm.
            beta: Its bias.
            rest: Second weight, weight and bias of the second norm.
        """
        second, front = rest[:-2], any(mask[:3])
        statistics, of_norm = kept[-6:-3], kept[-3:]
        y = self.first.conv(x, weight) if self.is_light else kept[0]
        mean, var, offset = statistics
        u = self.first.normed(y, gamma, mean, var, gamma * offset)
        z = self.step(u, *second) if self.is_light else kept[1]
        of_z, *of_norm = norm_backward(grad, z, rest[-2], of_norm, self.index,
                                       self.norm.eps, [True, *mask[-2:]])
        del z
        of_u, of_second = self.step.backward(of_z,
                                             [front, any(mask[4:-2])], u,
                                             *second)
        del u, of_z
        found = [None] * 3
        if front:
            found = self.first.backward(of_u, mask, x, y, weight, gamma,
                                        statistics)
        # the border is a constant, which the second norm does not see
        found.append(torch.zeros_like(beta))
        found.extend([of_second] * len(second) + of_norm)
        return [g if needed else None for g, needed in zip(found, mask)]

    def add_border(self, value: Tensor, *second: Tensor) -> None:
        """Tell the second norm's running mean the first one's border."""
        # past autograd, as batch norms themselves write: another forward of
        # this step may have saved the tensor
        self.step.add_constant(self.norm.mean.data, value, self.norm.momentum,
                               *second)

    def plain(self, kept: tuple, x: Tensor, weight: Tensor, gamma: Tensor,
              beta: Tensor, *rest: Tensor) -> Tensor:
        """Return the features by operations that autograd follows."""
        # beta moves the border alone, which the second norm does not see
        shift = torch.add(gamma * kept[-4], beta, alpha=0)
        u = F.batch_norm(
            self.first.conv(x, weight), None, None, gamma, shift, True, 0.,
            self.first.norm.eps)
        return F.batch_norm(
            self.step(u, *rest[:-2]), None, None, *rest[-2:], True, 0.,
            self.norm.eps)
