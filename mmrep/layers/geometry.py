"""The arguments that all convolutions have."""

from numbers import Integral

GEOMETRY = ('in_channels', 'out_channels', 'kernel_size', 'stride', 'padding',
            'dilation', 'groups', 'padding_mode')


def check_geometry(padding=0, **arguments) -> None:
    """Refuse what no convolution can have, by name, value and rule.

    Raises:
        ValueError: Not a positive whole number, or channels that the groups
            do not divide.
    """
    for name, value in arguments.items():
        _check_numbers(name, value, 1)
    if not isinstance(padding, str):
        _check_numbers('padding', padding, 0)
    groups = arguments['groups']
    for name in ('in_channels', 'out_channels'):
        if arguments[name] % groups:
            raise ValueError(f'`{name}` (={arguments[name]}) must be '
                             f'divisible by `groups` (={groups})')


def _check_numbers(name: str, value, least: int) -> None:
    values = value if isinstance(value, (tuple, list)) else [value]
    if any(not isinstance(v, Integral) or v < least for v in values):
        raise ValueError(f'`{name}` (={value}) must be at least {least}, in '
                         'whole numbers')
    if len(values) > 2:
        raise ValueError(f'`{name}` (={value}) must be one number or two')
