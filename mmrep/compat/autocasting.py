"""Autocast of any device, in any PyTorch.

Uses no private names. ``torch.is_autocast_enabled`` and
``torch.get_autocast_dtype`` take the type of a device since PyTorch 2.4.
"""
from typing import Optional

import torch

_takes_types = hasattr(torch, 'get_autocast_dtype')


def autocast_dtype(device_type: str) -> Optional[torch.dtype]:
    """Return the dtype of convolutions under autocast, None without it.

    Args:
        device_type: Type of the device, ``cpu`` or ``cuda``.
    """
    if _takes_types:
        if torch.is_autocast_enabled(device_type):
            return torch.get_autocast_dtype(device_type)
        return None
    if device_type == 'cpu':
        return (torch.get_autocast_cpu_dtype()
                if torch.is_autocast_cpu_enabled() else None)
    return (torch.get_autocast_gpu_dtype()
            if torch.is_autocast_enabled() else None)
