"""The size of a block, checked before any memory is taken for it.

A config of a few bytes from a file may describe a block of many gigabytes.
"""
import math
from typing import Dict

from torch import nn

from ..errors import UserError, shown
from .block_types import block_type
from .geometry import GEOMETRY

MAX_NUMBERS = 2**28  # numbers of one block
MAX_RATIO = 1000  # numbers of a block per number of the plain kernel
MAX_TOTAL = 2**30  # numbers of all blocks of a model
MAX_TOTAL_RATIO = 100  # the same per number of all plain kernels
FREE = 2**22  # numbers that any block may have


def check_size(config: dict, conv: nn.Module) -> int:
    """Refuse a block that is too large for the convolution it stands for.

    Args:
        config: The block's config, which ``check_block`` has passed.
        conv: The convolution, plain or rich.

    Returns:
        The count of numbers in its parameters and buffers.

    Raises:
        UserError: The block would have too many numbers.
    """
    options = {k: v for k, v in config.items() if k != 'type'}
    block = block_type(config['type'])(
        **{
            name: getattr(conv, name)
            for name in GEOMETRY
        },
        device='meta',
        **options)
    count = sum(value.numel()
                for values in (block.parameters(), block.buffers())
                for value in values)
    plain = kernel_numbers(conv)
    limit = max(2 * plain, min(MAX_NUMBERS, max(FREE, MAX_RATIO * plain)))
    if count > limit:
        raise UserError(f'{shown(config)} would have {count} numbers, a block '
                        f'for a kernel of {plain} may have {limit}')
    return count


def check_total(counts: Dict[nn.Module, int]) -> None:
    """Refuse blocks that are too large together.

    Args:
        counts: Result of :func:`check_size` for each convolution.

    Raises:
        UserError: The blocks would have too many numbers.
    """
    total = sum(counts.values())
    plain = sum(map(kernel_numbers, counts))
    limit = max(MAX_TOTAL, MAX_TOTAL_RATIO * plain)
    if total > limit:
        raise UserError(f'the blocks of the structure would have {total} '
                        f'numbers, those for kernels of {plain} may have '
                        f'{limit}')


def kernel_numbers(conv: nn.Module) -> int:
    """Return how many numbers the plain kernel of a convolution has."""
    per_group = conv.in_channels // conv.groups
    return conv.out_channels * per_group * math.prod(conv.kernel_size)
