"""Checks of arguments that several rooms share."""
import sys
from typing import Any, Optional

from .errors import UserError, shown
from .layers.geometry import is_whole


def check_whole(name: str,
                value: Any,
                least: Optional[int] = None,
                most: int = sys.maxsize) -> None:
    """Refuse a value that is no whole number.

    Numpy's integers are whole numbers, True and False are none.

    Args:
        name: The argument's name.
        value: The argument's value.
        least: The smallest value allowed. Defaults to None: any.
        most: The largest value allowed, which counts only beside ``least``.
            Defaults to ``sys.maxsize``.

    Raises:
        UserError: The value is no whole number, too small or too large.
    """
    rule = '' if least is None else f', at least {least}'
    if is_whole(value):
        if least is None or least <= value <= most:
            return
        if value > most:
            rule = f', at most {most}'
    raise UserError(f'`{name}` (={shown(value)}) must be a whole number{rule}')
