"""Ending a process so that nothing half-written stays."""
import signal
import sys
import threading
from contextlib import contextmanager
from typing import Iterator


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the process as ``sys.exit`` does, inside of it.

    So that what is to be removed at the end is. Without it the signal ends a
    process at once. In other threads, and where somebody else handles it,
    nothing changes.
    """
    alone = threading.current_thread() is threading.main_thread()
    if not alone or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
