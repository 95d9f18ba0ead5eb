"""Tests of mmrep/cli/errors.py."""
import pytest

from mmrep.cli import UserError, report_errors


@report_errors
def tool(error=None):
    """Fail or return."""
    if error:
        raise error
    return 'done'


def test_user_error_ends_in_one_line(capsys):
    with pytest.raises(SystemExit) as exit_:
        tool(UserError('no such thing:\n  x'))
    assert exit_.value.code == 1
    captured = capsys.readouterr()
    assert captured.err == 'error: no such thing: x\n'
    assert captured.out == ''


def test_only_one_process_tells(capsys, monkeypatch):
    monkeypatch.setenv('RANK', '1')
    with pytest.raises(SystemExit):
        tool(UserError('x'))
    assert capsys.readouterr().err == ''


def test_everything_else_passes():
    assert tool() == 'done'
    assert tool.__name__ == 'tool'
    with pytest.raises(KeyError):
        tool(KeyError('a bug'))


def test_ctrl_c_is_no_traceback(capsys):

    @report_errors
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as caught:
        interrupted()
    assert caught.value.code == 130
    assert capsys.readouterr().err == 'stopped\n'
