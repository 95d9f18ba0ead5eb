"""Checks that all backbones share."""
from typing import Sequence


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
