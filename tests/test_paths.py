"""Values that can be paths, and paths that lead to one file."""
import os

import pytest

from mmrep.errors import UserError
from mmrep.paths import check_path, same_file


@pytest.mark.parametrize('path', ['a', 'a/b/c', '/', '.', '..', 'a' * 255])
def test_paths(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'file').write_text('')
    check_path(path, 'OUT')
    check_path(os.path.join('file', path), 'OUT')


@pytest.mark.parametrize(
    'path, rule', [
        ('', 'must be a path'),
        (None, 'must be a path'),
        (5, 'must be a path'),
        (b'a', 'must be a path'),
        ('a\0', 'must be a path that can be used: .*null'),
        ('\ud800', 'must be a path that can be used: .*surrogates'),
        ('a' * 256, 'too long'),
        ('missing/' + 'a' * 256, 'must have names of at most 255 bytes'),
        ('a/' * 4000, 'too long'),
        ('loop/a', 'symbolic links'),
    ],
    ids=lambda value: str(value)[:9].encode('ascii', 'replace'))
def test_what_is_none(path, rule, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'loop').symlink_to('loop')
    with pytest.raises(UserError, match=rf'^OUT \(=.*\) .*{rule}') as error:
        check_path(path, 'OUT')
    assert len(str(error.value)) < 300


def test_one_file_under_two_names(tmp_path):
    file, link, hard = (tmp_path / name for name in 'abc')
    file.write_text('')
    link.symlink_to(file)
    os.link(file, hard)
    (tmp_path / 'other').write_text('')
    for path in (file, link, hard):
        assert same_file(str(file), str(path))
    for path in ('other', 'missing', 'a\0', 'a' * 300):
        assert not same_file(str(file), str(tmp_path / path))
