"""Writing files so that a broken write leaves nothing behind."""
import os
import os.path as osp
from typing import Callable, Dict

from .errors import UserError


def write_together(writers: Dict[str, Callable[[str], object]]) -> None:
    """Write all files, or none.

    Args:
        writers: By the path of each file, what writes it to a given path.

    Raises:
        UserError: The files cannot be written.
    """
    parts = {path: path + '.part' for path in writers}
    try:
        for path, write in writers.items():
            write(parts[path])
        for path, part in parts.items():
            os.replace(part, path)
    except (OSError, RuntimeError) as error:
        raise UserError(f'cannot write {next(iter(writers))!r}: '
                        f'{error}') from error
    finally:
        for part in parts.values():
            if osp.exists(part):
                os.remove(part)
