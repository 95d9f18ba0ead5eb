"""The running statistics of a norm as they were in its last forwards."""
from collections import deque
from typing import Optional, Tuple

import torch
from torch import Tensor, nn

from ..compat.autograd import is_in_backward

CALLS = 64  # most calls of a layer in a step with checkpointed activations


class SeenStatistics:
    """The statistics of the last forwards, for one that runs again.

    Activation checkpointing runs the forward a second time in the backward,
    when the running statistics have moved on.
    """

    def __init__(self) -> None:
        self.calls = deque(maxlen=CALLS)

    def at(self, norm: nn.Module,
           x: Tensor) -> Optional[Tuple[Tensor, Tensor]]:
        """Return the mean and variance of the forward with this input.

        Args:
            norm: A batch norm in training mode.
            x: Input of the norm.

        Returns:
            Mean and variance, or None for those that the norm has now.
        """
        key = x.detach().mean((0, 2, 3))
        if not is_in_backward():
            self.calls.append(
                (key, norm.running_mean.clone(), norm.running_var.clone()))
            return None
        seen = [e for e in reversed(self.calls) if e[0].device == key.device]
        if not seen:
            return None
        keys, means, variances = map(torch.stack, zip(*seen))
        # choose on the device, so that nothing waits
        nearest = (keys - key).abs().sum(1).argmin(0, keepdim=True)
        return (means.index_select(0, nearest)[0],
                variances.index_select(0, nearest)[0])
