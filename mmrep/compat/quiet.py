"""Keeping mmengine's log to what matters."""
import contextlib
from typing import Iterator

from mmengine.logging import MMLogger


@contextlib.contextmanager
def quiet(level: str = 'WARNING') -> Iterator[None]:
    """Log nothing below a level while a ``with`` block runs.

    ``logging.disable`` will not do: mmengine's loggers remember which levels
    are on, and it makes only those of ``logging`` forget.

    Args:
        level: Name of the lowest level that is logged.
    """
    logger = MMLogger.get_current_instance()
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)
