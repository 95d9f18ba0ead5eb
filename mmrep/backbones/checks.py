"""Checks that all backbones share."""
from typing import Optional, Sequence


def check_indices(out_indices: Sequence[int], stages: int) -> None:
    """Refuse indices that name no stage.

    Raises:
        ValueError: No index, or one that is not 0 to ``stages - 1``.
    """
    if not isinstance(out_indices, (tuple, list)):
        raise ValueError(f'`out_indices` (={out_indices!r}) must be a '
                         'sequence of stages')
    if not out_indices or not all(0 <= i < stages for i in out_indices):
        raise ValueError(f'`out_indices` (={tuple(out_indices)}) must be some '
                         f'of 0 to {stages - 1}')


def check_stages(num_stages: int, strides: Sequence[int],
                 dilations: Sequence[int], out_indices: Sequence[int],
                 style: str) -> None:
    """Refuse stages that no ResNet has.

    Raises:
        ValueError: A number, a length or the style is out of its range.
    """
    if not 1 <= num_stages <= 4:
        raise ValueError(f'`num_stages` (={num_stages}) must be 1 to 4')
    for name, values in (('strides', strides), ('dilations', dilations)):
        if len(values) < num_stages:
            raise ValueError(f'`{name}` (={tuple(values)}) must have an entry '
                             f'for each of {num_stages} stages')
    check_indices(out_indices, num_stages)
    if style not in ('pytorch', 'caffe'):
        raise ValueError(f"`style` (={style!r}) must be 'pytorch' or 'caffe'")


def check_frozen(frozen_stages: int, num_stages: int) -> None:
    """Refuse to freeze what is not there.

    Raises:
        ValueError: Not -1 to ``num_stages``.
    """
    if not -1 <= frozen_stages <= num_stages:
        raise ValueError(f'`frozen_stages` (={frozen_stages}) must be -1 to '
                         f'`num_stages` (={num_stages})')


def check_grid(multi_grid: Optional[Sequence[int]], blocks: int) -> None:
    """Refuse a grid of another length than the last stage.

    Raises:
        ValueError: Not one entry for each block.
    """
    if multi_grid is not None and len(multi_grid) != blocks:
        raise ValueError(f'`multi_grid` (={tuple(multi_grid)}) must have an '
                         f"entry for each of the last stage's {blocks} blocks")
