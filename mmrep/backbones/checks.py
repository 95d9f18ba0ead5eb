"""Checks that all backbones share."""
import inspect
from typing import Any, Optional, Sequence

from mmengine.registry import MODELS

from ..errors import UserError, shown
from ..layers.geometry import check_flag, is_number, is_whole


def check_config(name: str, value: Any, optional: bool = True) -> None:
    """Refuse a value that is no config of a registered layer.

    Args:
        name: Name of the argument.
        value: Value of the argument.
        optional: Whether the value may be None. Defaults to True.

    Raises:
        UserError: The value is no such config.
    """
    if value is None and optional:
        return
    if not isinstance(value, dict) or 'type' not in value:
        raise UserError(f'`{name}` (={shown(value)}) must be a dict with a '
                        '`type`')
    kind = value['type']
    with MODELS.switch_scope_and_registry(None) as registry:
        if not inspect.isclass(kind) and (not kind
                                          or not isinstance(kind, str)
                                          or registry.get(kind) is None):
            raise UserError(f'`{name}` (={shown(value)}) must be of a type '
                            'that is registered: import its module')


def check_flags(**values: bool) -> None:
    """Refuse flags that are neither True nor False.

    Raises:
        UserError: A value is neither.
    """
    for name, value in values.items():
        check_flag(name, value)


def check_positive(name: str, value: float) -> None:
    """Refuse a value that is no positive, finite number.

    Raises:
        UserError: The value is no such number.
    """
    if not is_number(value) or value <= 0:
        raise UserError(f'`{name}` (={shown(value)}) must be a positive '
                        'number')


def _check_numbers(name: str, values: Any, least: int) -> None:
    if not isinstance(values, (tuple, list)) or not all(
            is_whole(value) and value >= least for value in values):
        raise UserError(f'`{name}` (={shown(values)}) must be a sequence of '
                        f'whole numbers, at least {least}')


def check_indices(out_indices: Sequence[int], stages: int) -> None:
    """Refuse indices that name no stage.

    Raises:
        UserError: There is no index, or one is not 0 to ``stages - 1``.
    """
    _check_numbers('out_indices', out_indices, 0)
    if not out_indices or not all(i < stages for i in out_indices):
        raise UserError(f'`out_indices` (={tuple(out_indices)}) must be some '
                        f'of 0 to {stages - 1}')


def check_per_stage(num_stages: int, strides: Sequence[int],
                    dilations: Sequence[int]) -> None:
    """Refuse strides and dilations that leave a stage without one.

    Raises:
        UserError: A length or a number is out of its range.
    """
    for name, values in (('strides', strides), ('dilations', dilations)):
        _check_numbers(name, values, 1)
        if len(values) < num_stages:
            raise UserError(f'`{name}` (={tuple(values)}) must have an entry '
                            f'for each of {num_stages} stages')


def check_halves(half_indices: Sequence[int], blocks: Sequence[int]) -> None:
    """Refuse stages that have no halves.

    Args:
        half_indices: Stages to cut in two.
        blocks: Number of blocks of each stage.

    Raises:
        UserError: There is no such stage, or it has a single block.
    """
    _check_numbers('half_indices', half_indices, 0)
    stages = [i for i, count in enumerate(blocks) if count > 1]
    if not all(i in stages for i in half_indices):
        raise UserError(f'`half_indices` (={tuple(half_indices)}) must be '
                        f'some of {stages}, the stages of several blocks')


def check_stages(num_stages: int, strides: Sequence[int],
                 dilations: Sequence[int], out_indices: Sequence[int],
                 style: str) -> None:
    """Refuse stages that no ResNet has.

    Raises:
        UserError: A number, a length or the style is out of its range.
    """
    if not is_whole(num_stages) or not 1 <= num_stages <= 4:
        raise UserError(f'`num_stages` (={num_stages!r}) must be 1 to 4')
    check_per_stage(num_stages, strides, dilations)
    check_indices(out_indices, num_stages)
    if style not in ('pytorch', 'caffe'):
        raise UserError(f"`style` (={style!r}) must be 'pytorch' or 'caffe'")


def check_frozen(frozen_stages: int, num_stages: int) -> None:
    """Refuse to freeze stages that are not there.

    Raises:
        UserError: ``frozen_stages`` is not -1 to ``num_stages``.
    """
    if not is_whole(frozen_stages) or not -1 <= frozen_stages <= num_stages:
        raise UserError(f'`frozen_stages` (={frozen_stages!r}) must be -1 to '
                        f'`num_stages` (={num_stages})')


def check_grid(multi_grid: Optional[Sequence[int]], blocks: int) -> None:
    """Refuse a grid of another length than the last stage.

    Raises:
        UserError: The grid has not one entry for each block.
    """
    if multi_grid is not None and len(multi_grid) != blocks:
        raise UserError(f'`multi_grid` (={tuple(multi_grid)}) must have an '
                        f"entry for each of the last stage's {blocks} blocks")
