"""Checks of arguments that several rooms share."""
import sys
from typing import Any, Optional

from .errors import UserError, shown
from .layers.geometry import is_whole


def check_whole(name: str,
                value: Any,
                least: Optional[int] = None,
                most: int = sys.maxsize) -> None:
    """Refuse what is no whole number; True is none, those of numpy are.

    Args:
        name: Of the argument.
        value: Of it.
        least: That it may be. Defaults to any.
        most: That it may be, where there is a least one. Defaults to what can
            be counted.

    Raises:
        UserError: It is none, too small or too large.
    """
    rule = '' if least is None else f', at least {least}'
    if is_whole(value):
        if least is None or least <= value <= most:
            return
        if value > most:
            rule = f', at most {most}'
    raise UserError(f'`{name}` (={shown(value)}) must be a whole number{rule}')
