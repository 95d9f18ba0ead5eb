"""Blocks in place of the kernels of blocks."""
from typing import Optional, Union

from torch import nn

from ..compat.modules import children_of
from ..errors import UserError, shown
from .block_types import block_type, check_block
from .branch import Branch
from .geometry import GEOMETRY, like
from .lookup import class_of, registered_name
from .rep_conv import RepConv2d

PARTS = ('kxk', 'norm', 'branches', 'sum_norm')
SEEN = ('stride', 'padding', 'dilation', 'padding_mode')


def build_block(config: dict, **arguments) -> RepConv2d:
    """Build a block that stands in place of a kernel.

    Args:
        config: The block's type and its own arguments.
        arguments: Arguments of ``nn.Conv2d``.

    Raises:
        UserError: The type is no re-parameterized layer.
    """
    layer = check_block(config)
    options = {k: v for k, v in config.items() if k != 'type'}
    return layer(**options, **arguments)


def with_norms(config: dict, norm_cfg: dict) -> dict:
    """Return the config of an inner block, with the norms of the outer one.

    Raises:
        UserError: The config describes no block.
    """
    check_block(config)
    if not block_type(config['type']).takes_norm_cfg:
        return dict(config)
    return {'norm_cfg': norm_cfg, **config}


def hand_geometry(block: RepConv2d, seen: dict) -> None:
    """Set the geometry of a block where it has another."""
    for name, value in seen.items():
        if getattr(block, name) != value:
            setattr(block, name, value)


def hand_on_geometry(block: RepConv2d) -> None:
    """Give the blocks inside of a block its geometry.

    Callers may have changed it on this block, or on all modules.
    """
    inside = children_of(block)
    kxk = inside.get('kxk')
    nested = [
        branch for branch in children_of(inside['branches']).values()
        if type(branch).inner_blocks is not Branch.inner_blocks
        and branch.inner_blocks()
    ]
    if not nested and kxk is None:  # as in most forward passes
        return
    seen = {name: getattr(block, name) for name in SEEN}
    if kxk is not None:
        hand_geometry(kxk, seen)
    for branch in nested:
        branch.hand_geometry(seen)


def set_kxk(block: RepConv2d, config: Union[dict, bool],
            norm_cfg: dict) -> None:
    """Put a block in place of the kxk kernel, or the kernel back.

    Args:
        block: The block around, changed in place.
        config: Config of the inner block, False for the kernel.
        norm_cfg: Config of the norms of the block around.
    """
    weight, inner = block.origin, block.kxk
    config = with_norms(config, norm_cfg) if config else {}
    if config and inner is not None and (block_type(config['type'])
                                         is class_of(inner)):
        config.pop('type')
        inner.set_options(**config)
    elif config:
        shape = {name: getattr(block, name) for name in GEOMETRY}
        made = build_block(config, **shape, bias=False, **like(weight))
        put(block, 'kxk', made)
        if isinstance(block.kxk.origin, nn.Parameter):
            block.kxk.set_origin(weight)
        block.weight = None
    elif inner is not None:
        put(block, 'kxk', None)
        block.weight = weight if isinstance(
            weight, nn.Parameter) else nn.Parameter(weight)


def put(block: RepConv2d, place: str, module: Optional[nn.Module]) -> None:
    """Set one of a block's parts, and keep their order."""
    parts = {name: getattr(block, name) for name in PARTS}
    for name, part in {**parts, place: module}.items():
        delattr(block, name)
        setattr(block, name, part)


def nest(block: RepConv2d, place: str) -> RepConv2d:
    """Put a block without branches in place of a kernel.

    The result computes the same; the kernel stays the same Parameter.

    Args:
        block: The block around, changed in place.
        place: Name of the kernel, as in :meth:`BranchedConv2d.nest`.

    Raises:
        UserError: There is no such place.
    """
    config = dict(
        type=registered_name(block),
        branches=(),
        norms=(),
        norm_cfg=block.norm_cfg)
    owner = _owner(block, place)
    if owner is block:
        set_kxk(block, config, block.norm_cfg)
    else:
        owner.nest(place, block.geometry, config)
    inner = block.inner_blocks()[place].train(block.training)
    inner.norm_eval = block.norm_eval
    return inner


def unnest(block: RepConv2d, place: str) -> None:
    """Put the kernel back where a block without branches stands.

    Raises:
        UserError: No block stands there.
    """
    owner = _owner(block, place)
    if place not in block.inner_blocks():
        raise UserError(f'`place` (={place!r}) must be where a block is')
    if owner is block:
        set_kxk(block, False, block.norm_cfg)
    else:
        owner.unnest(place)


def _owner(block: RepConv2d, place: str) -> Union[RepConv2d, Branch]:
    """Return the block or the branch that has a kernel at this place."""
    owners = {'kxk': block}
    for branch in block.branches.values():
        owners.update(dict.fromkeys(branch.places, branch))
    if place not in owners:
        raise UserError(f'`place` (={shown(place)}) must be one of '
                        f'{", ".join(owners)}')
    return owners[place]
