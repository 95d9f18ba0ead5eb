"""Checks of DyRep's arguments, before anything is trained with them."""
import torch
from torch import nn

from ..compat.quiet import quiet
from ..errors import UserError, one_line
from ..layers import BranchedConv2d
from ..layers.branch_names import Branches, check_branches
from ..layers.geometry import Geometry, is_number
from .growing import NORMS

LARGEST = torch.finfo(torch.float).max
ANY = Geometry.of(nn.Conv2d(64, 64, 3, padding=1))


def check_numbers(**values: float) -> None:
    """Refuse numbers that are not finite or not above zero.

    Args:
        values: Numbers by the names of their arguments.

    Raises:
        UserError: A number is not above zero, or is not finite.
    """
    for name, value in values.items():
        if not is_number(value) or not 0 < value <= LARGEST:
            raise UserError(
                f'`{name}` (={value!r}) must be a finite number above 0')


def checked_branches(branches: Branches) -> dict:
    """Return the options of each branch.

    Args:
        branches: Names of branches, or their options by name.

    Raises:
        UserError: A name is unknown, a branch does not take its options, the
            branches do not fit any convolution, or there are none.
    """
    _check_kinds(branches)
    try:
        options = check_branches(branches, NORMS)
    except ValueError as error:
        raise UserError(str(error)) from error
    if not options:
        raise UserError(
            f'`branches` (={branches!r}) is empty: nothing could grow')
    try_branches(options, ANY)
    return options


def try_branches(branches: dict,
                 geometry: Geometry,
                 name: str = 'any convolution') -> None:
    """Build branches for a convolution as a trial, without memory for them.

    Args:
        branches: Options of the branches, by their names.
        geometry: The geometry of the convolution.
        name: The name of the convolution for the message. Defaults to 'any
            convolution'.

    Raises:
        UserError: The convolution cannot have the branches.
    """
    try:
        with quiet(), torch.device('meta'):
            BranchedConv2d(
                geometry.in_channels,
                geometry.out_channels,
                geometry.kernel_size,
                groups=geometry.groups,
                branches=branches,
                norms=NORMS)
    except Exception as error:  # odd options may raise anything
        raise UserError(f'`branches` (={branches!r}) do not fit {name}: '
                        f'{one_line(error)}') from error


def _check_kinds(branches: Branches) -> None:
    several = [branches] if isinstance(branches, str) else branches
    if not isinstance(several, (list, tuple, dict)) or not all(
            isinstance(name, str) for name in several):
        raise UserError(
            f'`branches` (={branches!r}) must be names of branches, such as '
            "['1x1', 'identity'], or a dict of their options by name")
    for name in several if isinstance(several, dict) else ():
        if not isinstance(several[name], dict):
            raise UserError(
                f'`branches` has {name!r} with options (={several[name]!r}) '
                'that must be a dict, {} for none')
