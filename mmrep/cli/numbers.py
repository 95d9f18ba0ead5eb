"""Arguments of the tools that are numbers."""
from argparse import ArgumentParser

from .errors import UserError


def check_at_least_one(**numbers: int) -> None:
    """Refuse numbers below 1.

    Args:
        numbers: The values of arguments, by their names.

    Raises:
        UserError: A number is below 1.
    """
    for name, value in numbers.items():
        if value < 1:
            raise UserError(f"--{name.replace('_', '-')} (={value}) must be "
                            'at least 1')


def add_image_arguments(parser: ArgumentParser) -> None:
    """Add ``--size`` and ``--batch-size``, which describe random images."""
    parser.add_argument(
        '--size',
        nargs=2,
        type=int,
        default=(800, 1333),
        metavar=('H', 'W'),
        help='height and width of the images in pixels; default: 800 1333')
    parser.add_argument(
        '--batch-size',
        type=int,
        default=1,
        help='number of images in a batch; default: 1')
