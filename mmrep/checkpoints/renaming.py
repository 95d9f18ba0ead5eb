"""Renaming by a table of regular expressions."""
import re
from typing import Sequence, Tuple

Table = Sequence[Tuple[str, str]]


def rename(name: str, table: Table) -> str:
    """Apply every (pattern, replacement) of ``table`` in turn."""
    for pattern, replacement in table:
        name = re.sub(pattern, replacement, name)
    return name
