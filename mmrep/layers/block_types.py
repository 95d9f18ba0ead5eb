"""The types and options that a block may have, checked before any work.

A config of a block may come from a file: its names are looked up, nothing is
imported, and a block that would take hours or all memory is refused.
"""
from typing import Any, Dict, Iterator, Tuple, Type, Union

from ..errors import UserError, shown
from .branch_names import check_names, nested_configs
from .lookup import all_registered, registered
from .rep_conv import RepConv2d

MAX_NESTING = 16  # depth of blocks in blocks
MAX_BLOCKS = 256  # blocks of one layer, in all


def is_block_type(kind: Any) -> bool:
    """Return True for a class of re-parameterized layers."""
    return isinstance(kind, type) and issubclass(kind, RepConv2d)


def block_types() -> Dict[str, Type[RepConv2d]]:
    """Return all kinds of blocks that are registered, by name."""
    return {n: kind for n, kind in all_registered().items()
            if is_block_type(kind)}  # yapf: disable


def block_type(kind: Union[str, type]) -> Type[RepConv2d]:
    """Return the class of blocks with this name, or this class itself.

    Raises:
        UserError: No block has this name, or the class is no block.
    """
    found = registered(kind) if isinstance(kind, str) else kind
    if not is_block_type(found):
        raise UserError(
            f'`type` (={shown(kind)}) must be one of {sorted(block_types())}, '
            'it must be a re-parameterized layer')
    return found


def check_block(config: Any) -> type:
    """Refuse the config of a block if it, or one inside, is impossible.

    Returns:
        The type of the block.

    Raises:
        UserError: A config is no dict, a type or an option is unknown, or
            there are too many blocks.
    """
    todo, count = [(config, 1)], 0
    while todo:
        block, depth = todo.pop()
        count += 1
        if depth > MAX_NESTING or count > MAX_BLOCKS:
            raise UserError(
                f'a block may have blocks in blocks {MAX_NESTING} deep and '
                f'{MAX_BLOCKS} in all: {shown(config)} has more')
        _check_one(block)
        todo += [(inner, depth + 1) for inner in _inside(block)]
    return block_type(config['type'])


def _check_one(block: Any) -> None:
    if not isinstance(block, dict):
        raise UserError(f'a block (={shown(block)}) must be a dict with a '
                        '`type`')
    if 'type' not in block:
        raise UserError(f'the block {shown(block)} names no `type`, which '
                        'must be a re-parameterized layer')
    layer = block_type(block['type'])
    known = layer.own_arguments()
    unknown = [name for name in block if name not in {*known, 'type'}]
    if unknown:
        raise UserError(
            f'{layer.__name__} does not take {shown(unknown[0])}: it may '
            f'have {", ".join(sorted(known)) or "no options"}')
    if block.get('branches') is not None:
        check_names(block['branches'])


def _inside(block: dict) -> Iterator[Any]:
    """Yield the configs of the blocks in place of kernels."""
    yield from _blocks('kxk', block.get('kxk'), (None, False))
    for place, config in nested_configs(block.get('branches')):
        yield from _blocks(place, config, (None, ))


def _blocks(place: str, config: Any, none: Tuple) -> Iterator[Any]:
    if any(config is value for value in none):
        return
    if not isinstance(config, dict):
        raise UserError(f'`{place}` (={shown(config)}) must be the config of '
                        f'a block or {none[-1]}')
    yield config
