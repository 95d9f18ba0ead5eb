"""How a tool tells its user what to mend."""
import functools
import os
import sys

from ..errors import UserError, one_line


def report_errors(main):
    """Let a tool end with ``error: <sentence>`` and exit code 1.

    Only :class:`UserError` is told this way: the traceback of anything else
    is what its reporter needs.
    """

    @functools.wraps(main)
    def wrapper(*args, **kwargs):
        try:
            return main(*args, **kwargs)
        except UserError as error:
            if os.environ.get('RANK', '0') == '0':
                sys.stderr.write(f'error: {one_line(error)}\n')
            sys.exit(1)

    return wrapper
