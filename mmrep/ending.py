"""End a process so that nothing half-written stays."""
import signal
import sys
import threading
from contextlib import contextmanager
from typing import Iterator


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Make SIGTERM end the process as ``sys.exit`` does, in a ``with`` block.

    Temporary files are then removed at the end; without this the signal ends
    a process at once. Nothing changes in other threads, or where another
    handler of the signal is set.
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
