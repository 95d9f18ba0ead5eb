"""The running statistics of a norm as they were in its last forwards."""
from collections import deque
from typing import Tuple

import torch
from torch import Tensor

from ..compat.autograd import is_in_backward

CALLS = 64  # most calls of a layer in a step with checkpointed activations


class SeenStatistics:
    """The statistics of the last forwards, for one that runs again.

    Activation checkpointing runs the forward a second time in the backward,
    when the running statistics have moved on. Other forwards leave no trace
    here. Copies and pickles start empty.
    """

    def __init__(self) -> None:
        self.calls = deque(maxlen=CALLS)

    def offset(self, x: Tensor, mean: Tensor, var: Tensor, eps: float,
               records: bool) -> Tensor:
        """Return ``mean / sqrt(var + eps)`` of the forward with this input.

        Args:
            x: Input of a norm that takes the statistics of batches.
            mean: Its running mean, with this batch.
            var: Its running variance, with this batch.
            eps: Its ``eps``.
            records: True if the forward :func:`may_run_again`.
        """
        now = torch.rsqrt(var + eps).mul_(mean)
        again = is_in_backward()
        if not again and not records:
            return now
        key = x.detach().mean((0, 2, 3))
        if not again:
            self.calls.append((key, now))
            return now
        seen = [e for e in reversed(self.calls) if e[0].device == key.device]
        if not seen:
            return now
        keys, offsets = map(torch.stack, zip(*seen))
        # choose on the device, so that nothing waits
        nearest = (keys - key).abs().sum(1).argmin(0, keepdim=True)
        return offsets.index_select(0, nearest)[0]

    def __reduce__(self) -> Tuple[type, tuple]:
        return type(self), ()

    def __setstate__(self, state: dict) -> None:
        """Start empty, too, from a pickle of an older version."""
        self.__init__()
