"""Which types and options a block may have; sizes before any work.

A config of a block may come from a file: its names are looked up, nothing is
imported, and what would take hours or all memory is refused.
"""
import inspect
from typing import Any, Iterator, Set, Tuple, Union

from mmengine.registry import MODELS
from torch import nn

from ..errors import UserError, shown
from .branch_names import check_names
from .rep_conv import RepConv2d

MAX_NESTING = 16  # blocks in blocks
MAX_BLOCKS = 256  # of one layer, in all
# what the geometry says, not the config of a block
CONV = set(inspect.signature(RepConv2d).parameters)


def block_type(kind: Union[str, type]) -> type:
    """The layer of this registered name, or that is this class.

    Raises:
        UserError: There is none.
    """
    known = {
        key: layer
        for key, layer in MODELS.module_dict.items()
        if isinstance(layer, type) and issubclass(layer, RepConv2d)
    }
    if isinstance(kind, type) and issubclass(kind, RepConv2d):
        return kind
    if not isinstance(kind, str) or kind not in known:
        raise UserError(
            f'`type` (={shown(kind)}) must be one of {sorted(known)}, it must '
            'be a re-parameterized layer')
    return known[kind]


def own_options(layer: type) -> Set[str]:
    """The arguments that a kind of block has beside those of nn.Conv2d."""
    found = set()
    for cls in layer.__mro__:
        if cls in (RepConv2d, nn.Module):
            break
        if '__init__' in vars(cls):
            found.update(
                name for name, p in inspect.signature(cls).parameters.items()
                if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD))
    return found - CONV


def check_block(config: Any) -> type:
    """Refuse a config of a block, and of those inside, that cannot be one.

    Returns:
        The type of the block.

    Raises:
        UserError: It is no dict, a type or an option is unknown, or there are
            too many blocks in it.
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
    known = own_options(layer)
    unknown = [name for name in block if name not in {*known, 'type'}]
    if unknown:
        raise UserError(
            f'{layer.__name__} does not take {shown(unknown[0])}: it may '
            f'have {", ".join(sorted(known)) or "no options"}')
    if block.get('branches') is not None:
        check_names(block['branches'])


def _inside(block: dict) -> Iterator[Any]:
    """The configs of the blocks in place of kernels."""
    yield from _blocks('kxk', block.get('kxk'), (None, False))
    branches = block.get('branches')
    if isinstance(branches, dict):
        staged = branches.get('1x1_kxk')
        if isinstance(staged, dict):
            yield from _blocks('second', staged.get('second'), (None, ))


def _blocks(place: str, config: Any, none: Tuple) -> Iterator[Any]:
    if any(config is value for value in none):
        return
    if not isinstance(config, dict):
        raise UserError(f'`{place}` (={shown(config)}) must be the config of '
                        f'a block or {none[-1]}')
    yield config
