"""The names of branches, and which of them a convolution can have."""
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, Dict, Iterator, List, Sequence, Tuple, Union

from torch import nn

from ..errors import UserError, shown
from .branch import BRANCHES, kind_of, numbers_in
from .geometry import Geometry

Branches = Union[str, Sequence[str], Dict[str, dict]]
NORMS = ('kxk', 'branches', 'sum')
MAX_BRANCHES = 64  # branches of one block
MAX_NAME = 32  # characters


def is_branch(name: Any) -> bool:
    """Return True if a kind of branch has this name."""
    return isinstance(name, str) and len(name) <= MAX_NAME and (kind_of(name)
                                                                is not None)


def check_branches(branches: Branches, norms: Sequence[str]) -> dict:
    """Return the options of each branch, in the order of the modules.

    Raises:
        UserError: A name is unknown, there are too many, or a branch cannot
            do without a norm.
    """
    options = _options(branches)
    norms = check_norms(norms)
    for name, own in options.items():
        kind_of(name).check_options(name, own)
        if 'branches' not in norms:
            _check_without_norm(name, options, norms)
    return {name: options[name] for name in sorted(options, key=_order)}


def _check_without_norm(name: str, options: dict, norms: Sequence) -> None:
    kind = kind_of(name)
    if kind.needs_norm:
        raise UserError(f'branch {name!r} needs its norms: `norms` '
                        f"(={tuple(norms)}) must have 'branches'")
    if kind.cancelled_by and kind.cancelled_by not in options:
        raise UserError(
            f'branch {name!r} without a norm needs {kind.cancelled_by!r} '
            'beside it, or it could not be silenced')


def check_names(branches: Branches) -> Union[Collection, Mapping]:
    """Return names as a collection, whether or not branches have them.

    Raises:
        UserError: They are no names, there are too many, or one is there
            twice.
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
        UserError: A name is there twice.
    """
    for name, count in Counter(iter(branches)).items():
        if count > 1:
            raise UserError(f'`branches` (={shown(branches)}) must have each '
                            f'name once, {name!r} is there {count} times')


def _options(branches: Branches) -> dict:
    """Return the options of each branch, by its name."""
    branches = check_names(branches)
    for name in branches:
        if not is_branch(name):
            raise UserError(
                f'`branches` has {name!r}, it may have {", ".join(_plain())}, '
                "a size such as '5x5' or '5x5_d2', and 'kxk_1', 'kxk_2', ..."
                f'{_families()}')
        if '.' in name or hasattr(nn.ModuleDict(), name):
            raise UserError(
                f'branch {name!r} has a name that no part of a module can '
                'have: register it under another')
    if isinstance(branches, Mapping):
        return dict(branches)
    return dict.fromkeys(branches, {})


def _plain() -> List[str]:
    """Return the names of branches that are no patterns, in order."""
    known = BRANCHES.module_dict
    return sorted((n for n in known if known[n].pattern is None), key=_order)


def _families() -> str:
    """Return the names of families of branches that others registered."""
    names = [
        name for name, kind in BRANCHES.module_dict.items()
        if kind.pattern and not kind.__module__.startswith('mmrep.')
    ]
    return ''.join(f', {name!r}' for name in names)


def check_norms(norms: Sequence[str]) -> Sequence[str]:
    """Return the names of the parts that have a norm, as a collection.

    Raises:
        UserError: A name stands for no part.
    """
    norms = (norms, ) if isinstance(norms, str) else norms
    if not isinstance(norms, Collection) or not all(n in NORMS for n in norms):
        raise UserError(f'`norms` (={shown(norms)}) must be some of {NORMS}')
    return norms


def _order(name: str) -> tuple:
    """Return a key for sorting that does not tell how the block grew."""
    return kind_of(name).order, numbers_in(name), name


def fits(name: str, geometry: Geometry, normed: bool) -> bool:
    """Return True if the branch makes sense for this convolution.

    Args:
        name: The branch's name.
        geometry: The convolution's geometry.
        normed: True if branches have norms.
    """
    return kind_of(name).fits(name, geometry, normed)


def nested_configs(branches: Any) -> Iterator[Tuple[str, Any]]:
    """Yield the configs of blocks in branches, each with its place."""
    for name, options in branches.items() if isinstance(branches,
                                                        dict) else ():
        if is_branch(name) and isinstance(options, dict):
            for place in kind_of(name).places:
                yield place, options.get(place)
