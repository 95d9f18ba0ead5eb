"""Outputs that cannot be written, and those that must not be."""
import os

import pytest

from mmrep.cli import UserError
from mmrep.cli.outputs import (check_apart, check_config_stays, check_file,
                               check_folder, check_outside)


@pytest.fixture
def place(tmp_path):
    """A folder with a file, a link to a folder and a broken link."""
    (tmp_path / 'file').write_text('old')
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'link').symlink_to('folder')
    (tmp_path / 'dangling').symlink_to('nowhere')
    os.mkfifo(tmp_path / 'pipe')
    return tmp_path


@pytest.mark.parametrize('name',
                         ['folder', 'link', 'link/new', 'new/a/b', '.'])
def test_folders(place, name):
    check_folder(str(place / name), '--work-dir')
    assert not (place / 'new').exists()


@pytest.mark.parametrize(
    'name', ['file', 'file/a', 'file/a/b', 'pipe', 'dangling', 'dangling/a'])
def test_what_is_no_folder(place, name):
    """The sentence names the obstacle."""
    path = str(place / name)
    with pytest.raises(UserError) as error:
        check_folder(path, '--work-dir')
    top = str(place / name.split('/')[0])
    assert str(error.value).startswith(f'--work-dir (={path!r}) must be a '
                                       f'folder: {top!r} is ')


def test_a_folder_that_may_not_be_written(place, monkeypatch):
    monkeypatch.setattr(os, 'access', lambda path, mode: not mode & os.W_OK)
    for name in ('folder', 'new/a'):
        with pytest.raises(UserError, match='that can be written'):
            check_folder(str(place / name), '--work-dir')


@pytest.mark.parametrize('name', ['a.pkl', 'new/a.pkl', 'link/a.pkl', 'file'])
def test_files(place, name):
    check_file(str(place / name), [str(place / 'input')], '--out', 'made')
    assert not (place / 'new').exists()


@pytest.mark.parametrize('name, rule', [
    ('input', 'is what is to be made'),
    ('to_input', 'is what is to be made'),
    ('hard', 'is what is to be made'),
    ('folder', 'is a folder'),
    ('link', 'is a folder'),
    ('pipe', 'no regular file'),
    ('file/a.pkl', '--out .* must be a folder: .* is a file'),
])
def test_files_that_cannot_be(place, name, rule):
    (place / 'input').write_text('input')
    (place / 'to_input').symlink_to('input')
    os.link(place / 'input', place / 'hard')
    with pytest.raises(UserError, match=rule):
        check_file(str(place / name), [str(place / 'input')], '--out', 'made')


def test_a_file_that_may_not_be_written(place, monkeypatch):
    monkeypatch.setattr(os, 'access', lambda path, mode: os.path.isdir(path))
    with pytest.raises(UserError, match='may not be written'):
        check_file(str(place / 'file'), [], '--out', 'made')


@pytest.mark.parametrize('folder', ['a.pkl', 'a.pkl/b', 'b/../a.pkl'])
def test_a_file_where_a_folder_will_be(place, folder):
    path = str(place / 'a.pkl')
    folders = {'--show-dir': str(place), '--work-dir': str(place / folder)}
    with pytest.raises(UserError, match='--work-dir .* needs a folder there'):
        check_apart(path, '--out', folders)
    check_apart(path, '--out', {'--work-dir': str(place / 'a.pkl2')})


def test_results_among_what_they_are_of(place):
    images = str(place / 'folder')
    for name in ('folder', 'folder/new', 'link', 'link/new'):
        with pytest.raises(UserError, match='--out .* is in the dataset'):
            check_outside(str(place / name), '--out', ['/elsewhere', images])
    for name in ('', 'folder2', 'new'):
        check_outside(str(place / name), '--out', [images])


@pytest.mark.parametrize('text, stays', [
    ("a = 1\nb = dict(c=[2.5, None])\n", False),
    ("a = '# no comment'\n", False),
    ("a = 1  # chosen with care\n", True),
    ("_base_ = './b.py'\n", True),
    ("b = 1\na = b\n", True),
    ("import os\na = os.sep\n", True),
    ("a = 1\ndel a\n", True),
])
def test_a_config_in_its_work_dir(place, text, stays):
    """A dumped config may be replaced, one that a person wrote is kept."""
    config = place / 'a.py'
    config.write_text(text)
    check_config_stays(str(config), str(place / 'folder'))
    (place / 'folder' / 'a.py').write_text(text)
    check_config_stays(str(config), str(place / 'folder'))
    if stays:
        with pytest.raises(UserError, match='written over'):
            check_config_stays(str(config), str(place))
    else:
        check_config_stays(str(config), str(place))


def test_other_kinds_of_configs(place):
    for name, text in (('a.json', '{"_base_": "b"}'), ('b.yml', '_base_: b')):
        (place / name).write_text(text)
        with pytest.raises(UserError, match='written over'):
            check_config_stays(str(place / name), str(place))
    (place / 'c.json').write_text('{"a": 1}')
    check_config_stays(str(place / 'c.json'), str(place))
