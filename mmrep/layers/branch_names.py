"""The names of branches, and which of them a convolution can have."""
import re
from typing import Dict, Sequence, Tuple, Union

from .geometry import Geometry

Branches = Union[str, Sequence[str], Dict[str, dict]]
ORDER = ('1x1', '1x1_kxk', '1x1_average', '1xk', 'kx1', 'identity')
NORMS = ('kxk', 'branches', 'sum')
SIZED = re.compile(r'([1-9]\d*)x([1-9]\d*)(?:_d([1-9]\d*))?$')
FURTHER = re.compile(r'kxk_\d+$')


def is_branch(name: str) -> bool:
    return bool(name in ORDER or SIZED.match(name) or FURTHER.match(name))


def check_branches(branches: Branches, norms: Sequence[str]) -> dict:
    """The options of each branch, in the order of their modules.

    Raises:
        ValueError: A name is unknown, or a branch cannot do without a norm.
    """
    branches = [branches] if isinstance(branches, str) else branches
    options = branches if isinstance(branches, dict) else dict.fromkeys(
        branches, {})
    for name in options:
        if not is_branch(name):
            raise ValueError(
                f'`branches` has {name!r}, it may have {", ".join(ORDER)}, a '
                "size such as '5x5' or '5x5_d2', and 'kxk_1', 'kxk_2', ...")
        known = {'channels', 'second'} if name == '1x1_kxk' else set()
        if not set(options[name]) <= known:
            raise ValueError(f'branch {name!r} has options {options[name]}, '
                             f'it may have {sorted(known) or "none"}')
    if not set(norms) <= set(NORMS):
        raise ValueError(f'`norms` (={tuple(norms)}) must be some of {NORMS}')
    if 'branches' not in norms:
        for name in {'1x1_kxk', '1x1_average'} & options.keys():
            raise ValueError(f'branch {name!r} needs its norms: `norms` '
                             f"(={tuple(norms)}) must have 'branches'")
        if 'identity' in options and '1x1' not in options:
            raise ValueError("branch 'identity' without a norm needs '1x1' "
                             'beside it, or it could not be silenced')
    return {name: options[name] for name in sorted(options, key=_order)}


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
    if name == '1x1_kxk' or FURTHER.match(name):
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
    if FURTHER.match(name):
        return kernel_size, 1
    if name in sizes:
        return sizes[name], 1
    height, width, spread = SIZED.match(name).groups()
    return (int(height), int(width)), int(spread or 1)
