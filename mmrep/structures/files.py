"""Files that hold the structure of a model."""
import json
from collections import Counter
from typing import Any, List, Tuple

from mmengine.fileio import get_text

from ..errors import UserError, one_line, shown


def read_structure(path: str) -> Any:
    """Read a structure from a json file, wherever mmengine reads files from.

    Args:
        path: The path of a file that holds the result of
            ``mmrep.structure``.

    Raises:
        UserError: The file is missing or no json.
    """
    try:
        return json.loads(get_text(path), object_pairs_hook=_once)
    except RecursionError as error:
        raise UserError(f'{path!r} is no structure: it holds blocks in blocks '
                        'without an end') from error
    except Exception as error:  # what a file system or its client raises
        raise UserError(f'cannot read the structure {path!r}: '
                        f'{one_line(error)[:200]}') from error


def _once(pairs: List[Tuple[str, Any]]) -> dict:
    """Return a dict, and refuse a name that it would have twice."""
    counts = Counter(name for name, _ in pairs)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise ValueError(f'it has {shown(twice[0])} twice')
    return dict(pairs)
