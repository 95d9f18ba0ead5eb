"""The arguments that all convolutions have."""

from numbers import Integral

GEOMETRY = ('in_channels', 'out_channels', 'kernel_size', 'stride', 'padding',
            'dilation', 'groups', 'padding_mode')


def check_geometry(**arguments) -> None:
    """Refuse what no convolution can have, by name, value and rule.

    Raises:
        ValueError: Not a positive whole number, or channels that the groups
            do not divide.
    """
    for name, value in arguments.items():
        values = value if isinstance(value, (tuple, list)) else [value]
        if any(not isinstance(v, Integral) or v < 1 for v in values):
            raise ValueError(
                f'`{name}` (={value}) must be at least 1, in whole numbers')
    groups = arguments['groups']
    for name in ('in_channels', 'out_channels'):
        if arguments[name] % groups:
            raise ValueError(f'`{name}` (={arguments[name]}) must be '
                             f'divisible by `groups` (={groups})')
