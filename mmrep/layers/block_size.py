"""How many numbers a block has, before memory is taken for any.

A config of a few bytes from a file may describe a block of many gigabytes.
"""
from torch import nn

from ..errors import UserError, shown
from .block_types import block_type
from .geometry import GEOMETRY

MAX_NUMBERS = 2**28  # of one block
MAX_RATIO = 1000  # times those of the plain kernel, where these are many
FREE = 2**22  # numbers that any block may have


def check_size(config: dict, conv: nn.Module) -> int:
    """Refuse a block that is too large for the convolution it stands for.

    Args:
        config: Of the block, one that ``check_block`` has passed.
        conv: The plain convolution.

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
    limit = min(MAX_NUMBERS, max(FREE, MAX_RATIO * conv.weight.numel()))
    if count > max(limit, 2 * conv.weight.numel()):
        raise UserError(
            f'{shown(config)} would have {count} numbers, a block for a '
            f'kernel of {conv.weight.numel()} may have {limit}')
    return count
