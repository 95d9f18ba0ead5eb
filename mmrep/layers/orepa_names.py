"""The branches that an OREPA block of a size has, and their scales."""
from collections.abc import Collection, Mapping
from itertools import zip_longest
from typing import Dict, List, Optional, Sequence, Tuple

from ..errors import UserError, shown
from .branch_names import check_once
from .geometry import is_whole
from .orepa_branch import LARGE, kinds_for

Size = Tuple[int, int]
ORIGIN_SCALE = 0.25  # where branches of its size are beside it


def initial_scales(kernel_size: Size) -> Dict[str, float]:
    """Return the branches a kernel can have, with their first scales."""
    between = 1 < max(kernel_size) < LARGE
    scales = {'origin': ORIGIN_SCALE if between else 1.0}
    kinds = kinds_for(kernel_size)
    return {**scales, **{n: kind.first_scale for n, kind in kinds.items()}}


def stem_sizes(kernel_size: Size) -> List[Size]:
    """Factor a large kernel: (7, 7) into three (3, 3), (7, 1) into (3, 1)."""
    per_axis = [[3] * ((k - 1) // 2) + [2] * ((k - 1) % 2)
                for k in kernel_size]
    return list(zip_longest(*per_axis, fillvalue=1))


def default_channels(in_channels: int, groups: int) -> int:
    """Return the official number of channels inside of ``1x1_kxk``."""
    return in_channels if groups <= 4 else 2 * in_channels


def check_channels(channels: int, in_channels: int) -> None:
    """Refuse a number of channels that whole identities do not fill.

    Args:
        channels: Number of channels between the kernels of ``1x1_kxk``.
        in_channels: Number of the layer's input channels.

    Raises:
        UserError: ``channels`` is no multiple of ``in_channels``.
    """
    if not is_whole(channels) or channels < 1 or channels % in_channels:
        raise UserError(
            f'`internal_channels` (={shown(channels)}) must be a multiple of '
            f'`in_channels` (={in_channels}), or None for the official rule')


def choose(names: Optional[Sequence[str]], kernel_size: Size) -> List[str]:
    """Return the chosen branches, ordered as the paper's scaling vector."""
    known = list(initial_scales(kernel_size))
    if names is None:
        names = ['stem'] if 'stem' in known else known
    names = [names] if isinstance(names, str) else names
    listed = isinstance(names, Collection) and not isinstance(names, Mapping)
    unknown = [n for n in names if n not in known] if listed else ['no list']
    if unknown or not names:
        raise UserError(
            f'`branches` (={shown(names)}) of a '
            f'{kernel_size[0]}x{kernel_size[1]} kernel must be some of '
            f'{known}, got {shown(unknown) if unknown else "none"}')
    check_once(names)
    return [name for name in known if name in names]
