"""Paths that a user names."""
import os
import os.path as osp

from .errors import UserError, shown

LONGEST_NAME = 255  # bytes, on all usual file systems


def check_path(path: str, name: str) -> None:
    """Refuse a value that cannot be the path of a file or folder.

    Args:
        path: The path; the file or folder need not exist.
        name: The argument's name, for the message.

    Raises:
        UserError: The path is no string, is empty or too long, has a NUL
            byte, or cannot be looked up.
    """
    if not isinstance(path, str) or not path:
        raise UserError(f'{name} (={shown(path)}) must be a path')
    names = []
    try:
        names = os.fsencode(path).split(os.fsencode(os.sep))
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:
        why = getattr(error, 'strerror', None) or error
        raise UserError(f'{name} (={shown(path)}) must be a path that can be '
                        f'used: {why}') from error
    if any(len(part) > LONGEST_NAME for part in names):
        raise UserError(f'{name} (={shown(path)}) must have names of at most '
                        f'{LONGEST_NAME} bytes')


def same_file(target: str, path: str) -> bool:
    """Return True if both paths lead to the same existing file."""
    try:
        return target == osp.realpath(path) or osp.samefile(target, path)
    except (OSError, ValueError):  # one does not exist, or cannot
        return False
