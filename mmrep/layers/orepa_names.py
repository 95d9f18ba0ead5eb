"""Which branches an OREPA block of a size has, and with which scale."""
from collections.abc import Collection, Mapping
from itertools import zip_longest
from typing import Dict, List, Optional, Sequence, Tuple

from ..errors import UserError, shown
from .branch_names import check_once
from .geometry import is_whole
from .orepa_branch import LARGE, kinds_for

Size = Tuple[int, int]
ORIGIN_SCALE = 0.25  # where it has branches of its size beside it


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
    """Those between the kernels of ``1x1_kxk``, by the official OREPA."""
    return in_channels if groups <= 4 else 2 * in_channels


def check_channels(channels: int, in_channels: int) -> None:
    """Refuse channels in which the identity does not stand whole.

    Args:
        channels: Between the kernels of ``1x1_kxk``.
        in_channels: Of the layer.

    Raises:
        UserError: They are no multiple of those of the layer.
    """
    if not is_whole(channels) or channels < 1 or channels % in_channels:
        raise UserError(
            f'`internal_channels` (={shown(channels)}) must be a multiple of '
            f'`in_channels` (={in_channels}), or None for the official rule')


def choose(names: Optional[Sequence[str]], kernel_size: Size) -> List[str]:
    """The chosen branches, in the order of the paper's scaling vector."""
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
