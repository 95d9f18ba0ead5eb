"""Showing that something takes its time."""
from rich.console import Console
from rich.status import Status


def working(task: str) -> Status:
    """Show a task while a ``with`` block runs, where stderr is a terminal.

    The next task of the same block is shown by ``status.update(task)``.

    Args:
        task: What is done, in a few words.
    """
    return Console(stderr=True).status(task)
