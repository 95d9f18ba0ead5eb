"""Autocast of any device, in any PyTorch.

Uses no private names. ``torch.is_autocast_enabled`` and
``torch.get_autocast_dtype`` take the type of a device since PyTorch 2.4.
"""
from contextlib import nullcontext
from typing import ContextManager, Optional

import torch

TAKES_TYPES = hasattr(torch, 'get_autocast_dtype')
NOTHING = nullcontext()


def autocast_dtype(device_type: str) -> Optional[torch.dtype]:
    """Return the dtype of convolutions under autocast, None without it.

    Args:
        device_type: Type of the device, ``cpu`` or ``cuda``.
    """
    if TAKES_TYPES:
        if torch.is_autocast_enabled(device_type):
            return torch.get_autocast_dtype(device_type)
        return None
    if device_type == 'cpu':
        return (torch.get_autocast_cpu_dtype()
                if torch.is_autocast_cpu_enabled() else None)
    return (torch.get_autocast_gpu_dtype()
            if torch.is_autocast_enabled() else None)


def without_autocast(device_type: str) -> ContextManager:
    """Return a context in which autocast is off.

    It does nothing where autocast is off already, which takes less time.

    Args:
        device_type: Type of the device, such as ``cuda``.
    """
    if device_type == 'meta':
        device_type = 'cpu'
    if TAKES_TYPES and not torch.is_autocast_enabled(device_type):
        return NOTHING
    return torch.autocast(device_type, enabled=False)
