"""Rename weights by tables of regular expressions."""
import re
from typing import Dict, Optional, Sequence, Tuple

from torch import Tensor

from ..errors import UserError

StateDict = Dict[str, Tensor]
Table = Sequence[Tuple[str, str]]
Sentence = Sequence[Table]


def rename(name: str, table: Table) -> str:
    """Apply every (pattern, replacement) of ``table`` in turn."""
    for pattern, replacement in table:
        name = re.sub(pattern, replacement, name)
    return name


def translate(name: str, *sentences: Sentence) -> Optional[str]:
    """Translate a whole name from its front to its end.

    A sentence is a sequence of tables, one for each part of a name. In each
    table the first row that matches takes the front off the rest of the name
    and translates it. A sentence fits if its last table leaves no rest.

    Returns:
        The translation by the first sentence that fits, None if none does.
    """
    for tables in sentences:
        out, rest = '', name
        for table in tables:
            match = _first(table, rest)
            if match is None:
                break
            out, rest = out + match[0], match[1]
        else:
            if not rest:
                return out
    return None


def _first(table: Table, name: str) -> Optional[Tuple[str, str]]:
    for pattern, replacement in table:
        match = re.match(pattern, name)
        if match:
            return match.expand(replacement), name[match.end():]
    return None


def translated(state_dict: StateDict, kind: str, *sentences:
               Sentence) -> StateDict:
    """Translate all names of a state dict.

    Raises:
        UserError: No sentence explains a name, or two names become one.
    """
    out, origin = {}, {}
    for name, tensor in state_dict.items():
        new = translate(name, *sentences)
        if new is None:
            raise UserError(f'{name!r} is no name of {kind}, nothing was '
                            'converted')
        if new in out:
            raise UserError(f'{name!r} and {origin[new]!r} both stand for '
                            f'{new!r} in {kind}')
        out[new], origin[new] = tensor, name
    return out
