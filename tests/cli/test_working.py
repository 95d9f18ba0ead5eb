"""Terminals are told what takes its time, files are not."""
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
        terminal.flush()
        shown = b''
        while b'comparing' not in shown:  # in pieces, or the test hangs
            shown += os.read(ours, 1 << 16)
    os.close(ours)
    assert b'fusing' in shown


def test_errors_pass():
    with pytest.raises(ValueError, match='broken'):
        with working('fusing'):
            raise ValueError('broken')
