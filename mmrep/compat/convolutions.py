"""The padding of a plain convolution.

Uses: ``_reversed_padding_repeated_twice`` of ``nn.Conv2d``, which its forward
reads in all padding modes but zeros. It is made from ``padding`` once, when
the module is built. Nothing public gives it up to PyTorch 2.14.
"""
from typing import Tuple

from torch import nn


def edges_as_made(conv: nn.Conv2d) -> Tuple[int, ...]:
    """Return a convolution's padding left, right, top and bottom, in pixels.

    The values hold in all padding modes but zeros.

    Args:
        conv: The convolution. Setting its ``padding`` after it was built does
            not change these values.
    """
    return tuple(conv._reversed_padding_repeated_twice)
