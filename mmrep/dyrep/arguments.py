"""Arguments of which nothing can come."""
from numbers import Real

from ..errors import UserError
from ..layers.branch_names import Branches, check_branches
from .growing import NORMS


def check_numbers(max_depth: int, **values: float) -> None:
    """Refuse numbers of which nothing can come.

    Raises:
        UserError: One is not above zero.
    """
    if type(max_depth) is not int or max_depth < 1:
        raise UserError(
            f'`max_depth` (={max_depth!r}) must be a whole number, '
            'at least 1')
    for name, value in values.items():
        if not isinstance(value, Real) or not value > 0:
            raise UserError(f'`{name}` (={value!r}) must be above 0')


def checked_branches(branches: Branches) -> dict:
    """The options of each branch.

    Raises:
        UserError: A name is unknown, or there is none.
    """
    try:
        options = check_branches(branches, NORMS)
    except ValueError as error:
        raise UserError(str(error)) from error
    if not options:
        raise UserError('`branches` is empty: nothing could grow')
    return options
