"""Writing files so that a broken write leaves nothing behind."""
import json
import os
import os.path as osp
from pathlib import Path
from typing import Callable, Dict, Sequence

from .errors import UserError


def check_destination(path: str, inputs: Sequence[str], name: str,
                      done: str) -> None:
    """Refuse a file that cannot be written or would destroy an input.

    Args:
        path: The file.
        inputs: The files it is made of.
        name: Of the argument, for the message.
        done: What is done with the inputs, for the message.

    Raises:
        UserError: It is an input or a folder, or its folder is not there.
    """
    folder = osp.dirname(osp.abspath(path))
    if not osp.isdir(folder):
        raise UserError(f'the folder of {name} is not there: {folder!r}')
    if osp.realpath(path) in map(osp.realpath, inputs):
        raise UserError(
            f'{path!r} is what is to be {done}: name another {name}')
    if osp.isdir(path):
        raise UserError(f'{path!r} is a folder: name another {name}')


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


def write_json(data: dict, path: str) -> None:
    """Write plain data; one of the writers of :func:`write_together`."""
    Path(path).write_text(json.dumps(data, indent=2) + '\n')
