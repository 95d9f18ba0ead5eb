"""The architectures of RepVGG: widths, depths, groups and SE layers."""
from typing import NamedTuple, Sequence, Union

from ..errors import UserError, shown
from ..layers.geometry import check_flag, is_number, is_whole

# blocks per stage and width multipliers (table 2 of the paper)
DEPTHS = {
    'A': (2, 4, 14, 1),
    'B': (4, 6, 16, 1),
    'D': (8, 14, 24, 1),
    'L': (8, 14, 24, 1),
}
WIDTHS = {
    'A0': (0.75, 0.75, 0.75, 2.5),
    'A1': (1, 1, 1, 2.5),
    'A2': (1.5, 1.5, 1.5, 2.75),
    'B0': (1, 1, 1, 2.5),
    'B1': (2, 2, 2, 4),
    'B2': (2.5, 2.5, 2.5, 5),
    'B3': (3, 3, 3, 5),
    'D2': (2.5, 2.5, 2.5, 5),
    'L2': (2.5, 2.5, 2.5, 5),
}
GROUPED = ('B1', 'B2', 'B3')
ARCHITECTURES = [
    *(name for name in WIDTHS if name not in ('D2', 'L2')),
    *(f'{b}g{g}' for b in GROUPED for g in (2, 4)), 'D2se', 'L2pse'
]


class Architecture(NamedTuple):
    """The description of a RepVGG.

    Attributes:
        num_blocks: Number of blocks of each stage.
        width_factor: Width factor of each stage.
        groups: Groups of every second layer.
        with_se: Whether squeeze and excitation stands in front of each ReLU.
        with_post_se: Whether it stands behind each ReLU, as in RepVGGplus.
    """

    num_blocks: Sequence[int]
    width_factor: Sequence[float]
    groups: int = 1
    with_se: bool = False
    with_post_se: bool = False


def architecture(arch: Union[str, dict]) -> Architecture:
    """The architecture of this name, or with these parts.

    Raises:
        UserError: No architecture has this name, or a part is out of its
            range.
    """
    if isinstance(arch, dict):
        return _check(arch)
    if arch not in ARCHITECTURES:
        raise UserError(f'`arch` (={shown(arch)}) must be one of '
                        f'{ARCHITECTURES}')
    groups = int(arch[3:]) if arch[2:3] == 'g' else 1
    return Architecture(DEPTHS[arch[0]], WIDTHS[arch[:2]], groups,
                        arch[2:] == 'se', arch[2:] == 'pse')


def _check(arch: dict) -> Architecture:
    """The architecture of a dict of its parts."""
    unknown = [name for name in arch if name not in Architecture._fields]
    if unknown:
        raise UserError(f'`arch` has {shown(unknown[0])}, it may have '
                        f'{", ".join(Architecture._fields)}')
    for name, is_one in (('num_blocks', is_whole), ('width_factor',
                                                    is_number)):
        values = arch.get(name)
        if not isinstance(values, (tuple, list)) or len(values) != 4 or any(
                not is_one(value) or value <= 0 for value in values):
            raise UserError(f'`arch` (={shown(arch)}) must have a {name!r} of '
                            '4 stages, numbers above 0')
    groups = arch.get('groups', 1)
    if not is_whole(groups) or groups < 1:
        raise UserError(f"'groups' (={shown(groups)}) of `arch` must be a "
                        'whole number, at least 1')
    for name in ('with_se', 'with_post_se'):
        check_flag(name, arch.get(name, False))
    found = Architecture(**arch)
    if found.with_se and found.with_post_se:
        raise UserError("`arch` has 'with_se' and 'with_post_se', squeeze and "
                        'excitation in front of the ReLU and behind it: keep '
                        'one of them')
    return found
