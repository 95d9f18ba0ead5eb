"""How many numbers a block has, before memory is taken for any.

A config of a few bytes from a file may describe a block of many gigabytes.
"""
import math
from typing import Dict

from torch import nn

from ..errors import UserError, shown
from .block_types import block_type
from .geometry import GEOMETRY

MAX_NUMBERS = 2**28  # of one block
MAX_RATIO = 1000  # times those of the plain kernel, where these are many
MAX_TOTAL = 2**30  # of all blocks of a model
MAX_TOTAL_RATIO = 100  # times those of all plain kernels, where these are many
FREE = 2**22  # numbers that any block may have


def check_size(config: dict, conv: nn.Module) -> int:
    """Refuse a block that is too large for the convolution it stands for.

    Args:
        config: Of the block, one that ``check_block`` has passed.
        conv: The convolution, plain or rich.

    Returns:
        How many numbers its parameters and buffers have.

    Raises:
        UserError: There are too many.
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
        counts: From :func:`check_size`, by the convolution.

    Raises:
        UserError: They are.
    """
    total = sum(counts.values())
    plain = sum(map(kernel_numbers, counts))
    limit = max(MAX_TOTAL, MAX_TOTAL_RATIO * plain)
    if total > limit:
        raise UserError(f'the blocks of the structure would have {total} '
                        f'numbers, those for kernels of {plain} may have '
                        f'{limit}')


def kernel_numbers(conv: nn.Module) -> int:
    """Those of the plain kernel."""
    per_group = conv.in_channels // conv.groups
    return conv.out_channels * per_group * math.prod(conv.kernel_size)
