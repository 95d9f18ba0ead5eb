"""Show on the terminal that a task is running."""
from rich.console import Console
from rich.status import Status


def working(task: str) -> Status:
    """Show a task while a ``with`` block runs, if stderr is a terminal.

    ``status.update(task)`` shows the next task of the same block.

    Args:
        task: The name of the task, in a few words.
    """
    return Console(stderr=True).status(task)
