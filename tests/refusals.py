"""How functions and tools say no."""
import pytest

from mmrep.errors import UserError


def sentence(function, *args, **kwargs):
    """The one sentence of the error that a call raises."""
    with pytest.raises(UserError) as error:
        function(*args, **kwargs)
    message = str(error.value)
    assert '\n' not in message
    return message


def contents(folder):
    """All files in a folder, by their bytes; folders by their names."""
    return {
        path: path.read_bytes() if path.is_file() else None
        for path in folder.rglob('*')
    }


def refused(main, capsys, folder, *args):
    """The one sentence a refusal prints; nothing may be written.

    Args:
        main: Of the tool.
        capsys: Of pytest.
        folder: All that the tool may write to.
        args: The command line.
    """
    before = contents(folder)
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main([str(arg) for arg in args])
    assert stop.value.code == 1
    assert contents(folder) == before
    message = capsys.readouterr().err.strip()
    assert message.startswith('error: ') and '\n' not in message
    return message
