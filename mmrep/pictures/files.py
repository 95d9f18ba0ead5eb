"""Write pictures as png or svg."""
import io
import os.path as osp
from functools import partial
from typing import IO, Callable, Union

import matplotlib
from matplotlib.figure import Figure

from ..errors import UserError

KINDS = ('.png', '.svg')


def check_picture(path: str, name: str) -> None:
    """Refuse a picture of another format.

    Args:
        path: Path of the picture.
        name: The user's name for the argument.

    Raises:
        UserError: The path ends neither in .png nor in .svg.
    """
    if osp.splitext(path)[1].lower() not in KINDS:
        raise UserError(f'{name} (={path!r}) must end in {" or ".join(KINDS)}')


def writer(figure: Figure, path: str) -> Callable[[str], None]:
    """A function that writes a figure to a path, in the format of ``path``.

    It is for ``write_together``, whose files have other names until all are
    there.
    """
    return partial(save, figure, osp.splitext(path)[1][1:].lower())


def save(figure: Figure, kind: str, path: Union[str, IO[bytes]]) -> None:
    """Write a picture as png or svg; equal pictures give equal files.

    Args:
        figure: The picture.
        kind: The format, ``'png'`` or ``'svg'``.
        path: The path, or an open file.
    """
    with matplotlib.rc_context({'svg.hashsalt': 'mmrep'}):
        date = dict(Date=None) if kind == 'svg' else None
        figure.savefig(path, format=kind, dpi=110, metadata=date)


def as_svg(figure: Figure) -> str:
    """Return a picture as the text of an svg file."""
    file = io.BytesIO()
    save(figure, 'svg', file)
    return file.getvalue().decode()
