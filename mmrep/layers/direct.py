"""1x1, norm, a second step, norm: for small features.

Autograd follows the operations and keeps what it needs. Such features take
less time than Python does, so what holds for many inputs is looked up once.
"""
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..compat.autograd import may_run_again
from ..compat.batch_norms import check_size, cudnn_is_on
from ..compat.operations import batch_statistics
from .seen_statistics import SeenStatistics
from .steps import Step


class Direct(NamedTuple):
    """The branch ``norm(step(first(x)))`` without its tensors."""

    seen: SeenStatistics
    groups: int
    identity: int  # channels of a first weight that is added to the identity
    step: Step

    def __call__(self, x: Tensor, one: tuple, other: tuple, weight: Tensor,
                 *second: Tensor) -> Tensor:
        """Return the features.

        Args:
            x: The input.
            one: Values of the first norm, as in :class:`TrainedNorm`.
            other: Values of the second norm.
            weight: Weight of the 1x1.
            second: Weight of the second step, if it has one.
        """
        gamma, beta, mean, var, _, momentum, eps = one
        y = F.conv2d(x, weight, None, 1, 0, 1, self.groups)
        if self.adds(weight):
            y.add_(x)
        check_size(y)
        fixed = y.detach()
        batch_statistics(fixed, mean, var, momentum)
        offset = self.seen.offset(fixed, mean, var, eps, may_run_again())
        # beta moves the border alone, which the second norm does not see
        shift = torch.add(gamma * offset, beta, alpha=0)
        y = torch.batch_norm(y, gamma, shift, None, None, True, 0., eps,
                             cudnn_is_on())
        return self.finish(y, beta.detach() - shift.detach(), other, *second)

    def finish(self, y: Tensor, border: Tensor, norm: tuple, *second:
               Tensor) -> Tensor:
        """Run the second step and its norm.

        Args:
            y: Its input, less the border.
            border: The first norm's output for zeros.
            norm: Values of the second norm.
            second: Weight of the step, if it has one.
        """
        gamma, beta, mean, var, _, momentum, eps = norm
        z = self.step(y, *second)
        check_size(z)
        out = torch.batch_norm(z, gamma, beta, mean, var, True, momentum, eps,
                               cudnn_is_on())
        # past autograd, as batch norms themselves write: another forward of
        # this step may have saved the tensor
        self.step.add_constant(mean.data, border, momentum, *second)
        return out

    def adds(self, weight: Tensor) -> bool:
        """Return True if the first weight is added to the identity."""
        return weight.size(0) == self.identity
