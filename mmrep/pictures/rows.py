"""The lines of a report on blocks, with blocks inside others below them."""
import re
from typing import List, NamedTuple, Optional, Sequence

from .weights import KERNEL, PLACES, Block, Conv


class Row(NamedTuple):
    """A line of a report: a block, one that is gone, or plain convolutions.

    ``depth`` is the number of blocks around it.
    """

    name: str
    label: str
    depth: int = 0
    block: Optional[Block] = None
    is_plain: bool = False


def rows_of(convs: Sequence[Conv], former: Sequence[str] = ()) -> List[Row]:
    """The lines of a report; plain convolutions between blocks share a line.

    Args:
        convs: All convolutions.
        former: Names of blocks that existed once.
    """
    rows, plain = [], []
    for conv in convs:
        gone = [n for n in former if f'{n}.'.startswith(f'{conv.name}.')]
        if conv.blocks or gone:
            rows += [*_plain_row(plain), *_rows(conv, gone)]
            plain = []
        else:
            plain.append(conv.name)
    return [*rows, *_plain_row(plain)]


def _plain_row(names: List[str]) -> List[Row]:
    if not names:
        return []
    more = f' and {len(names) - 1} more' if len(names) > 1 else ''
    return [Row(names[0], f'{names[0]}{more}, plain', is_plain=True)]


def _rows(conv: Conv, gone: Sequence[str]) -> List[Row]:
    """Lines of blocks below those that hold them, first in the kxk."""
    blocks = {block.name: block for block in conv.blocks}
    ways = {
        name: PLACES.findall(name[len(conv.name):])
        for name in {conv.name, *blocks, *gone}
    }
    names = sorted(ways, key=lambda n: [(p != KERNEL, p) for p in ways[n]])
    return [
        Row(name, _label(name, ways[name], blocks.get(name)), len(ways[name]),
            blocks.get(name)) for name in names
    ]


def _label(name: str, way: Sequence[str], block: Optional[Block]) -> str:
    if way:  # the last place, without what all have
        name = re.sub(r'branches\.|\.second', '', way[-1])
        name = name.replace('.factors.', ' ')
    if block is None:
        return name + (', gone' if way else ', plain again')
    return f'{name}  {block.kernel_size[0]}\u00d7{block.kernel_size[1]}'
