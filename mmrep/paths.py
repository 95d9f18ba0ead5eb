"""Paths that a user names."""
import os
import os.path as osp

from .errors import UserError, shown

LONGEST_NAME = 255  # bytes, on all usual file systems


def check_path(path: str, name: str) -> None:
    """Refuse what can be no path of a file or folder.

    Args:
        path: Of it, there or not.
        name: Of the argument, for the message.

    Raises:
        UserError: It is no string, empty, too long or has a NUL byte, or
            nobody can look there.
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
    """Whether both are one file that is there, under one name or two."""
    try:
        return target == osp.realpath(path) or osp.samefile(target, path)
    except (OSError, ValueError):  # one is not there, or can never be
        return False
