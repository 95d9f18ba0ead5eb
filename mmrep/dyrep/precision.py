"""The precision in which a device can add up."""
from typing import Union

import torch

WITHOUT_DOUBLE = ('mps', )


def widest(device: Union[str, torch.device]) -> torch.dtype:
    """Return the widest floating point type of a device.

    MPS has no float64.
    """
    kind = torch.device(device).type
    return torch.float if kind in WITHOUT_DOUBLE else torch.double
