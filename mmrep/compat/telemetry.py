"""Imports of OpenVINO's packages that report nothing to their makers.

Changes, for as long as a ``with`` block runs: the entry of
``openvino_telemetry`` in ``sys.modules``. Packages that are imported in the
block find no such package, for which they have a way of their own. They also
keep no file with an id of the user.
"""
import contextlib
import sys
from typing import Iterator

REPORTER = 'openvino_telemetry'


@contextlib.contextmanager
def without_telemetry() -> Iterator[None]:
    """Let packages that are imported in a ``with`` block send no reports.

    A package that was imported before is not changed.
    """
    there = REPORTER in sys.modules
    before = sys.modules.get(REPORTER)
    sys.modules[REPORTER] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if there:
            sys.modules[REPORTER] = before  # type: ignore[assignment]
        else:
            sys.modules.pop(REPORTER, None)
