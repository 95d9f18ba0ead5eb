"""Keep unimportant lines out of logs.

Uses: mmengine's one logger, and ``logging.root.manager.disable``, the level
that the public ``logging.disable`` has set, which no public function returns.
"""
import contextlib
import logging
from typing import Iterator

from mmengine.logging import MMLogger


@contextlib.contextmanager
def quiet(level: str = 'WARNING') -> Iterator[None]:
    """Log nothing below a level while a ``with`` block runs.

    ``logging.disable`` will not do: mmengine's loggers remember which levels
    are on, and it makes only the loggers of ``logging`` forget.

    Args:
        level: Name of the lowest level that is logged. Defaults to 'WARNING'.
    """
    logger = MMLogger.get_current_instance()
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextlib.contextmanager
def muted(level: int = logging.WARNING) -> Iterator[None]:
    """Log nothing of any library up to a level while a ``with`` block runs.

    mmengine's loggers may remember that a level is on, see :func:`quiet`.

    Args:
        level: The highest level that is left out. Defaults to
            ``logging.WARNING``.
    """
    before = logging.root.manager.disable
    logging.disable(level)
    try:
        yield
    finally:
        logging.disable(before)
