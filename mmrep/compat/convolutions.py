"""How a plain convolution pads.

Uses: ``_reversed_padding_repeated_twice`` of ``nn.Conv2d``, which its forward
reads in all padding modes but zeros, and which is made of ``padding`` once, as
the module is built. Nothing public gives it up to PyTorch 2.14.
"""
from typing import Tuple

from torch import nn


def edges_as_made(conv: nn.Conv2d) -> Tuple[int, ...]:
    """What a convolution pads left, right, top and bottom, but for zeros.

    Args:
        conv: Its ``padding`` may have been set since, which changes nothing.
    """
    return tuple(conv._reversed_padding_repeated_twice)
