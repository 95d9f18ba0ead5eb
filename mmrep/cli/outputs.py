"""What a tool is to write to, looked at before it has done any work."""
import ast
import io
import os
import os.path as osp
import tokenize
from pathlib import Path

from ..atomic import check_destination
from ..paths import check_path, same_file
from .errors import UserError


def check_folder(path, name):
    """Refuse a folder that cannot be made, or not be written into.

    Args:
        path (str): The folder, there or not.
        name (str): Of the argument, for the message.

    Raises:
        UserError: It is no path, it or what it is to lie in is no folder, or
            nothing may be written there.
    """
    check_path(path, name)
    place = osp.abspath(path)
    while not osp.lexists(place):
        place = osp.dirname(place)
    if not osp.isdir(place):
        kind = 'a file' if osp.isfile(place) else 'none, nor a file'
        raise UserError(
            f'{name} (={path!r}) must be a folder: {place!r} is {kind}')
    if not os.access(place, os.W_OK | os.X_OK):
        raise UserError(f'{name} (={path!r}) must be a folder that can be '
                        f'written: nothing may be written into {place!r}')


def check_file(path, inputs, name, done):
    """Refuse a file that mmengine could not write, making its folder.

    Args:
        path (str): The file, or a link to it.
        inputs (Sequence[str]): The files it is made of.
        name (str): Of the argument, for the message.
        done (str): What is done with the inputs, for the message.

    Raises:
        UserError: As of :func:`mmrep.atomic.check_destination`, but the
            folder may be missing.
    """
    check_path(path, name)
    target = osp.realpath(path)
    check_folder(osp.dirname(target), f'the folder of {name}')
    if osp.isdir(osp.dirname(target)):
        check_destination(path, inputs, name, done)
    if osp.exists(target) and not os.access(target, os.W_OK):
        raise UserError(f'{name} (={path!r}) may not be written: name another')


def check_apart(path, name, folders):
    """Refuse a file in whose place a folder will be.

    Args:
        path (str): The file.
        name (str): Of the argument, for the message.
        folders (dict): Those that are made before, by their names.

    Raises:
        UserError: A folder is to be there, or in it.
    """
    target = osp.realpath(path)
    for what, folder in folders.items():
        if is_inside(folder, target):
            raise UserError(f'{name} (={path!r}) is a file, but {what} '
                            f'(={folder!r}) needs a folder there: name '
                            'another')


def check_outside(path, name, inputs):
    """Refuse a folder in which results could replace what they are of.

    Args:
        path (str): Where pictures are written, under the names of images.
        name (str): Of the argument, for the message.
        inputs (Sequence[str]): The folders of images.

    Raises:
        UserError: It is one of them, or inside of one.
    """
    for folder in inputs:
        if is_inside(path, folder):
            raise UserError(f'{name} (={path!r}) is in the dataset '
                            f'({folder!r}), whose images could be written '
                            'over: name a folder elsewhere')


def check_config_stays(config, work_dir):
    """Refuse a work dir where the Runner writes over the user's own config.

    It dumps there, under the same name, what it has read. That may go on from
    a dump; of a config that a person wrote, bases and comments would be lost.

    Args:
        config (str): Path of the config.
        work_dir (str): Of the run.

    Raises:
        UserError: The config lies there and is more than a dump.
    """
    there = osp.join(osp.abspath(work_dir), osp.basename(config))
    if same_file(osp.realpath(there), config) and not _is_flat(config):
        raise UserError(f'the work dir (={work_dir!r}) has the config '
                        f'{config!r} itself, which would be written over: '
                        'name another folder with --work-dir')


def _is_flat(config):
    """Whether a config is nothing but values, as one that was dumped."""
    text = Path(config).read_text(encoding='utf-8')
    if not config.endswith('.py'):
        return '_base_' not in text
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    tree = ast.parse(text)
    names = [n for n in ast.walk(tree) if isinstance(n, ast.Name)]
    read = {n.id for n in names if isinstance(n.ctx, ast.Load)}
    return (read <= {'dict'} and all(n.id != '_base_' for n in names)
            and all(isinstance(line, ast.Assign) for line in tree.body)
            and all(t.type != tokenize.COMMENT for t in tokens))


def is_inside(path, folder):
    """Whether a path is a folder or anything in it, links followed."""
    inner, outer = osp.realpath(path), osp.realpath(folder)
    return inner == outer or inner.startswith(outer.rstrip(os.sep) + os.sep)
