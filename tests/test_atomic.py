"""Files are written together or not at all."""
import json
import os
import stat
import threading
import time
from pathlib import Path

import pytest

from mmrep.atomic import check_destination, write_json, write_together
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


@pytest.mark.parametrize('make', [
    lambda path: path.write_text('mine'),
    lambda path: path.mkdir(),
    lambda path: path.symlink_to(path.parent / 'mine'),
])
def test_no_name_of_the_users_is_taken(tmp_path, make):
    """Files beside the written one stay, whatever usual ending they have."""
    for ending in ('.part', '.tmp', '.before', '.bak', '~'):
        make(tmp_path / f'a{ending}')
    before = {p: os.lstat(p) for p in tmp_path.iterdir()}
    write_together({str(tmp_path / 'a'): writer('new')})
    assert (tmp_path / 'a').read_text() == 'new'
    assert {p: os.lstat(p) for p in tmp_path.iterdir() if p.name != 'a'
            } == before  # yapf: disable


@pytest.mark.parametrize('umask', [0o022, 0o077, 0o002])
def test_permissions_are_those_of_any_new_file(tmp_path, umask):
    path = tmp_path / 'a'
    before = os.umask(umask)
    try:
        write_together({str(path): writer('1')})
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


@pytest.mark.parametrize('mode', [0o600, 0o640, 0o444, 0o755])
def test_permissions_of_a_file_stay(tmp_path, mode):
    pair = [tmp_path / 'a', tmp_path / 'b']
    pair[0].write_text('old')
    pair[0].chmod(mode)
    write_together({str(path): writer('new') for path in pair})
    assert pair[0].read_text() == 'new'
    assert stat.S_IMODE(pair[0].stat().st_mode) == mode
    write_together({str(pair[0]): writer('newer')})
    assert stat.S_IMODE(pair[0].stat().st_mode) == mode


@pytest.mark.parametrize('there', [True, False])
def test_what_a_link_leads_to_is_written(tmp_path, there):
    (tmp_path / 'deep').mkdir()
    link, target = tmp_path / 'link', tmp_path / 'deep' / 'file'
    link.symlink_to('deep/file')
    if there:
        target.write_text('old')
    write_together({str(link): writer('new')})
    assert link.is_symlink() and not target.is_symlink()
    assert target.read_text() == link.read_text() == 'new'
    assert [p.name for p in (tmp_path / 'deep').iterdir()] == ['file']


def test_what_is_no_file_stays(tmp_path):
    (tmp_path / 'loop').symlink_to('loop')
    os.mkfifo(tmp_path / 'pipe')
    (tmp_path / 'dangling').symlink_to('nowhere/file')
    for name, message in (('loop', 'no regular file'), ('pipe',
                                                        'no regular file'),
                          ('dangling', 'the folder of OUT is not there')):
        path = str(tmp_path / name)
        with pytest.raises(UserError, match=message):
            check_destination(path, [], 'OUT', 'made')
        with pytest.raises(UserError, match='cannot write'):
            write_together({path: writer('1')})
        assert (tmp_path / name).is_symlink() or (tmp_path / name).is_fifo()


def test_no_input_is_a_destination(tmp_path, monkeypatch):
    """An input is refused under all its names, and so is a closed folder."""
    path = tmp_path / 'a'
    path.write_text('input')
    (tmp_path / 'link').symlink_to('a')
    os.link(path, tmp_path / 'hard')
    inputs = ['a\0', str(tmp_path / 'gone'), str(path)]
    for name in ('a', 'link', 'hard'):
        with pytest.raises(UserError, match='is what is to be made'):
            check_destination(str(tmp_path / name), inputs, 'OUT', 'made')
    for name in ('', 'a\0'):
        with pytest.raises(UserError, match='^OUT .* must be a path'):
            check_destination(name, inputs, 'OUT', 'made')
    monkeypatch.setattr(os, 'access', lambda path, mode: False)
    with pytest.raises(UserError, match='nothing may be written'):
        check_destination(str(tmp_path / 'new'), [], 'OUT', 'made')


def test_two_names_of_one_file(tmp_path):
    (tmp_path / 'link').symlink_to('a')
    with pytest.raises(UserError, match='are the same file'):
        write_together({
            str(tmp_path / 'a'): writer('1'),
            str(tmp_path / 'link'): writer('2')
        })
    assert not (tmp_path / 'a').exists()


def test_a_pair_is_replaced_or_stays(tmp_path, monkeypatch):
    """The first file goes back if the second cannot take its place."""
    first, second = tmp_path / 'a', tmp_path / 'b'
    first.write_text('old')
    replace = os.replace

    def refuse(source, target):
        if target == str(second):
            raise PermissionError('no')
        replace(source, target)

    monkeypatch.setattr(os, 'replace', refuse)
    with pytest.raises(UserError, match='no'):
        write_together({str(first): writer('1'), str(second): writer('2')})
    assert first.read_text() == 'old' and not second.exists()
    first.unlink()
    with pytest.raises(UserError, match='no'):
        write_together({str(first): writer('1'), str(second): writer('2')})
    assert not list(tmp_path.iterdir())


def test_two_writers_of_a_pair(tmp_path, monkeypatch):
    """All files in the end are whole and come from the same writer."""
    first, second = str(tmp_path / 'a'), str(tmp_path / 'b')
    replace, errors = os.replace, []

    def slowly(source, target):
        replace(source, target)
        time.sleep(2e-3)

    def write(text):
        try:
            write_together({first: writer(text), second: writer(text)})
        except Exception as error:
            errors.append(error)

    monkeypatch.setattr(os, 'replace', slowly)
    for _ in range(20):
        threads = [
            threading.Thread(target=write, args=(name * 9999, ))
            for name in 'xyz'
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors
        texts = {p.read_text() for p in tmp_path.iterdir()}
        assert len(texts) == 1 and len(texts.pop()) == 9999


def test_json(tmp_path):
    data = dict(a=[1.5, None], b='x')
    write_json(data, str(tmp_path / 'c'))
    text = (tmp_path / 'c').read_text()
    assert json.loads(text) == data
    assert text.endswith('}\n')
