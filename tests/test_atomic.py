"""Files are written together or not at all."""
import json
from pathlib import Path

import pytest

from mmrep.atomic import write_json, write_together
from mmrep.errors import UserError


def writer(text, error=None):

    def write(path):
        Path(path).write_text(text)
        if error:
            raise error

    return write


def test_writes(tmp_path):
    first, second = str(tmp_path / 'a'), str(tmp_path / 'b')
    write_together({first: writer('1'), second: writer('2')})
    assert sorted(p.read_text() for p in tmp_path.iterdir()) == ['1', '2']


@pytest.mark.parametrize('error', [OSError('disk full'), RuntimeError('zip')])
def test_a_broken_write_leaves_what_was_there(tmp_path, error):
    first, second = str(tmp_path / 'a'), str(tmp_path / 'b')
    Path(first).write_text('old')
    with pytest.raises(UserError, match=f'cannot write .*: {error}'):
        write_together({first: writer('1'), second: writer('2', error)})
    assert [p.name for p in tmp_path.iterdir()] == ['a']
    assert Path(first).read_text() == 'old'


def test_other_errors_leave_nothing_either(tmp_path):
    with pytest.raises(ZeroDivisionError):
        write_together({str(tmp_path / 'a'): writer('1', ZeroDivisionError())})
    assert not list(tmp_path.iterdir())


def test_json(tmp_path):
    data = dict(a=[1.5, None], b='x')
    write_json(data, str(tmp_path / 'c'))
    text = (tmp_path / 'c').read_text()
    assert json.loads(text) == data
    assert text.endswith('}\n')
