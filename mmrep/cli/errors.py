"""Report the errors of a tool's user in one sentence."""
import functools
import os
import signal
import sys
from typing import Any, Callable

from ..errors import UserError, one_line
from .warnings_of_others import hide_known_warnings


def report_errors(main: Callable) -> Callable:
    """Let a tool end with ``error: <sentence>`` and exit code 1.

    This holds for :class:`UserError` alone. Any other error shows its
    traceback, which a bug report needs. Warnings that the hosts give in every
    run are hidden. Ctrl-C ends a tool with exit code 130.
    """

    @functools.wraps(main)
    def wrapper(*args, **kwargs) -> Any:
        hide_known_warnings()
        try:
            return main(*args, **kwargs)
        except UserError as error:
            if os.environ.get('RANK', '0') == '0':
                sys.stderr.write(f'error: {one_line(error)}\n')
            sys.exit(1)
        except KeyboardInterrupt:
            sys.stderr.write('stopped\n')
            sys.exit(128 + signal.SIGINT)

    return wrapper
