"""Arguments of tools that are numbers."""
from .errors import UserError


def check_at_least_one(**numbers):
    """Refuse numbers of which nothing can be measured.

    Args:
        numbers: The values of arguments, by their names.

    Raises:
        UserError: One is below 1.
    """
    for name, value in numbers.items():
        if value < 1:
            raise UserError(f"--{name.replace('_', '-')} (={value}) must be "
                            'at least 1')


def add_image_arguments(parser):
    """Add ``--size`` and ``--batch-size`` of random images."""
    parser.add_argument(
        '--size',
        nargs=2,
        type=int,
        default=(800, 1333),
        metavar=('H', 'W'),
        help='of the images; default: 800 1333')
    parser.add_argument('--batch-size', type=int, default=1, help='default: 1')
