"""The running statistics of a norm as they were in the last forwards."""
from collections import deque
from typing import Optional, Tuple

import torch
from torch import Tensor, nn

CALLS = 64  # of a layer in one step, at most, with checkpointed activations


class SeenStatistics:
    """Finds the statistics with which a forward ran that is run again.

    Activation checkpointing runs the forward a second time in the backward,
    when the running statistics have moved on.
    """

    def __init__(self) -> None:
        self.calls = deque(maxlen=CALLS)

    def at(self, norm: nn.Module,
           x: Tensor) -> Optional[Tuple[Tensor, Tensor]]:
        """Return mean and variance as of the forward with this input.

        Args:
            norm: A batch norm in training mode.
            x: Its input.

        Returns:
            None for those that the norm has now.
        """
        key = x.detach().mean((0, 2, 3))
        if torch._C._current_graph_task_id() == -1:  # not in a backward
            self.calls.append(
                (key, norm.running_mean.clone(), norm.running_var.clone()))
            return None
        seen = [e for e in reversed(self.calls) if e[0].device == key.device]
        if not seen:
            return None
        keys, means, variances = map(torch.stack, zip(*seen))
        # a choice on the device, for which nothing waits
        nearest = (keys - key).abs().sum(1).argmin(0, keepdim=True)
        return (means.index_select(0, nearest)[0],
                variances.index_select(0, nearest)[0])
