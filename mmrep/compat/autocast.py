"""Leave autocast where it is on, in any PyTorch.

``torch.is_autocast_enabled`` takes a type of device since PyTorch 2.4.
"""
from contextlib import nullcontext
from typing import ContextManager

import torch

try:
    torch.is_autocast_enabled('cpu')
    TAKES_A_TYPE = True
except TypeError:
    TAKES_A_TYPE = False
NONE = nullcontext()


def without_autocast(device: str) -> ContextManager:
    """Return a context in which autocast is off.

    It does nothing where autocast is off already, which takes less time.

    Args:
        device: Type of the device, such as ``cuda``.
    """
    device = 'cpu' if device == 'meta' else device
    if TAKES_A_TYPE and not torch.is_autocast_enabled(device):
        return NONE
    return torch.autocast(device, enabled=False)
