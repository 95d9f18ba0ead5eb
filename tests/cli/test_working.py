"""Terminals show the running task, files do not."""
import contextlib
import os
import pty

import pytest

from mmrep.cli.working import working


def test_nothing_where_there_is_no_terminal(capfd):
    with working('fusing') as status:
        status.update('comparing')
    assert capfd.readouterr() == ('', '')


def test_terminal(monkeypatch):
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, 'w') as terminal:
        monkeypatch.setattr('sys.stderr', terminal)
        monkeypatch.setenv('TERM', 'xterm')
        with working('fusing') as status:
            status.update('comparing')
    shown = b''
    with contextlib.suppress(OSError):  # the end of the output
        while piece := os.read(ours, 1 << 16):
            shown += piece
    os.close(ours)
    assert b'comparing' in shown


def test_errors_pass():
    with pytest.raises(ValueError, match='broken'):
        with working('fusing'):
            raise ValueError('broken')
