"""The names of branches, and which of them a convolution can have."""
import re
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, Dict, Sequence, Tuple, Union

from ..errors import UserError, shown
from .geometry import Geometry

Branches = Union[str, Sequence[str], Dict[str, dict]]
ORDER = ('1x1', '1x1_kxk', '1x1_average', '1xk', 'kx1', 'identity')
NORMS = ('kxk', 'branches', 'sum')
SIZED = re.compile(r'([1-9]\d*)x([1-9]\d*)(?:_d([1-9]\d*))?', re.ASCII)
FURTHER = re.compile(r'kxk_\d+', re.ASCII)
STAGED = ('channels', 'second', 'difference')  # options of '1x1_kxk'
MAX_BRANCHES = 64  # of one block
MAX_NAME = 32  # characters
MAX_CHANNELS = 2**14  # between the two kernels of a branch


def is_branch(name: str) -> bool:
    return isinstance(name, str) and len(name) <= MAX_NAME and bool(
        name in ORDER or SIZED.fullmatch(name) or FURTHER.fullmatch(name))


def check_branches(branches: Branches, norms: Sequence[str]) -> dict:
    """The options of each branch, in the order of their modules.

    Raises:
        UserError: A name is unknown, there are too many, or a branch cannot
            do without a norm.
    """
    options = _options(branches)
    norms = check_norms(norms)
    for name, own in options.items():
        _check_branch(name, own)
    if 'branches' not in norms:
        for name in {'1x1_kxk', '1x1_average'} & options.keys():
            raise UserError(f'branch {name!r} needs its norms: `norms` '
                            f"(={tuple(norms)}) must have 'branches'")
        if 'identity' in options and '1x1' not in options:
            raise UserError("branch 'identity' without a norm needs '1x1' "
                            'beside it, or it could not be silenced')
    return {name: options[name] for name in sorted(options, key=_order)}


def check_names(branches: Branches) -> Union[Collection, Mapping]:
    """Names of branches of any block, whatever it makes of them.

    Raises:
        UserError: They are no names, too many, or one is there twice.
    """
    if isinstance(branches, str):
        branches = [branches]
    if not isinstance(branches, Collection):
        raise UserError(f'`branches` (={shown(branches)}) must be names of '
                        'branches, or a dict of these and their options')
    if len(branches) > MAX_BRANCHES:
        raise UserError(f'`branches` has {len(branches)} names, a block may '
                        f'have {MAX_BRANCHES}')
    for name in branches:
        if not isinstance(name, str) or len(name) > MAX_NAME:
            raise UserError(f'`branches` has {shown(name)}, it must have names'
                            f' of at most {MAX_NAME} characters')
    check_once(branches)
    return branches


def check_once(branches: Collection) -> None:
    """Refuse a name that is there twice: a block has each branch once.

    Raises:
        UserError: One is.
    """
    for name, count in Counter(iter(branches)).items():
        if count > 1:
            raise UserError(f'`branches` (={shown(branches)}) must have each '
                            f'name once, {name!r} is there {count} times')


def _options(branches: Branches) -> dict:
    """By name, what is told of each branch."""
    branches = check_names(branches)
    for name in branches:
        if not is_branch(name):
            raise UserError(
                f'`branches` has {name!r}, it may have {", ".join(ORDER)}, a '
                "size such as '5x5' or '5x5_d2', and 'kxk_1', 'kxk_2', ...")
    if isinstance(branches, Mapping):
        return dict(branches)
    return dict.fromkeys(branches, {})


def check_norms(norms: Sequence[str]) -> Sequence[str]:
    """Which parts of a block have a norm, as a sequence of names.

    Raises:
        UserError: They are none of the parts.
    """
    norms = (norms, ) if isinstance(norms, str) else norms
    if not isinstance(norms, Collection) or not all(n in NORMS for n in norms):
        raise UserError(f'`norms` (={shown(norms)}) must be some of {NORMS}')
    return norms


def _check_branch(name: str, options: Any) -> None:
    known = STAGED if name == '1x1_kxk' else ()
    if not isinstance(options, Mapping) or any(k not in known
                                               for k in options):
        raise UserError(f'branch {name!r} has options {shown(options)}, '
                        f'it may have {sorted(known) or "none"}')
    if not isinstance(options.get('difference', True), bool):
        raise UserError(f"`difference` (={shown(options['difference'])}) of "
                        f'branch {name!r} must be True or False')
    channels = options.get('channels')
    if channels is not None and (type(channels) is not int
                                 or not 1 <= channels <= MAX_CHANNELS):
        raise UserError(f'`channels` (={shown(channels)}) of branch {name!r} '
                        f'must be a whole number from 1 to {MAX_CHANNELS}')


def _order(name: str) -> tuple:
    """The order of modules depends on what there is, not how it grew."""
    numbers = tuple(map(int, re.findall(r'\d+', name)))
    if name in ORDER:
        return 1, ORDER.index(name), numbers
    return 0 if name.startswith('kxk') else 2, 0, numbers


def fits(name: str, geometry: Geometry, normed: bool) -> bool:
    """Whether the branch makes sense for this convolution."""
    kernel_size = geometry.kernel_size
    if name == 'identity':
        keeps = geometry.in_channels == geometry.out_channels
        return keeps and geometry.stride == (1, 1) and (normed or kernel_size
                                                        != (1, 1))
    if name == '1x1_average':
        return kernel_size != (1, 1)
    if name == '1x1_kxk' or FURTHER.fullmatch(name):
        return True
    size, spread = size_of(name, kernel_size)
    if name in ('1xk', 'kx1') and size == (1, 1):
        return False
    reach = [(n - 1) * spread + 1 for n in size]
    return size != kernel_size and all(r <= k
                                       for r, k in zip(reach, kernel_size))


def size_of(name: str, kernel_size: Tuple[int,
                                          int]) -> Tuple[Tuple[int, int], int]:
    """Kernel size and dilation of a branch with a single kernel."""
    height, width = kernel_size
    sizes = {'1xk': (1, width), 'kx1': (height, 1)}
    if FURTHER.fullmatch(name):
        return kernel_size, 1
    if name in sizes:
        return sizes[name], 1
    height, width, spread = SIZED.fullmatch(name).groups()
    return (int(height), int(width)), int(spread or 1)
