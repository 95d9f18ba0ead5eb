"""How a tool tells its user what to mend."""
import functools
import os
import sys

from ..errors import UserError, one_line
from .warnings_of_others import hide_known_warnings


def report_errors(main):
    """Let a tool end with ``error: <sentence>`` and exit code 1.

    Only :class:`UserError` is told this way: the traceback of anything else
    is what its reporter needs. Warnings that the hosts give in every run are
    hidden.
    """

    @functools.wraps(main)
    def wrapper(*args, **kwargs):
        hide_known_warnings()
        try:
            return main(*args, **kwargs)
        except UserError as error:
            if os.environ.get('RANK', '0') == '0':
                sys.stderr.write(f'error: {one_line(error)}\n')
            sys.exit(1)

    return wrapper
