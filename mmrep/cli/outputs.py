"""Check the paths that a tool writes to, before it has done any work."""
import ast
import io
import os
import os.path as osp
import tokenize
from pathlib import Path
from typing import Dict, Sequence

from ..atomic import check_destination
from ..paths import check_path, same_file
from .errors import UserError


def check_folder(path: str, name: str) -> None:
    """Refuse a folder that cannot be made or written.

    Args:
        path: The folder, which may be missing.
        name: The name of the argument, for the message.

    Raises:
        UserError: ``path`` is not a path, it or a part of it is not a folder,
            or the folder may not be written.
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


def check_file(path: str, inputs: Sequence[str], name: str, done: str) -> None:
    """Refuse a file that mmengine could not write, even in a new folder.

    Args:
        path: The file, or a link to it.
        inputs: The files it is made of.
        name: The name of the argument, for the message.
        done: The participle that says what is done with the inputs, such as
            'evaluated', for the message.

    Raises:
        UserError: The file cannot be written or is an input, see
            :func:`mmrep.atomic.check_destination`; but its folder may be
            missing.
    """
    check_path(path, name)
    target = osp.realpath(path)
    check_folder(osp.dirname(target), f'the folder of {name}')
    if osp.isdir(osp.dirname(target)):
        check_destination(path, inputs, name, done)
    if osp.exists(target) and not os.access(target, os.W_OK):
        raise UserError(f'{name} (={path!r}) may not be written: name another')


def check_apart(path: str, name: str, folders: Dict[str, str]) -> None:
    """Refuse a file whose path a folder will take.

    Args:
        path: The file.
        name: The name of the argument, for the message.
        folders: The folders that are made before the file, by the names of
            their arguments.

    Raises:
        UserError: A folder has the path of the file, or lies below it.
    """
    target = osp.realpath(path)
    for what, folder in folders.items():
        if is_inside(folder, target):
            raise UserError(f'{name} (={path!r}) is a file, but {what} '
                            f'(={folder!r}) needs a folder there: name '
                            'another')


def check_outside(path: str, name: str, inputs: Sequence[str]) -> None:
    """Refuse a folder in which pictures could replace the images they show.

    Args:
        path: The folder to write pictures to, under the names of the images.
        name: The name of the argument, for the message.
        inputs: The folders of the images.

    Raises:
        UserError: The folder is one of the inputs, or lies in one.
    """
    for folder in inputs:
        if is_inside(path, folder):
            raise UserError(f'{name} (={path!r}) is in the dataset '
                            f'({folder!r}), whose images could be written '
                            'over: name a folder elsewhere')


def check_config_stays(config: str, work_dir: str) -> None:
    """Refuse a work dir in which the Runner would destroy the user's config.

    The Runner dumps the config into the work dir under the same name. A dump
    may be replaced by a dump. A config that a person wrote would lose its
    bases and comments.

    Args:
        config: The path of the config.
        work_dir: The work dir of the run.

    Raises:
        UserError: The config lies in the work dir and is not a dump.
    """
    there = osp.join(osp.abspath(work_dir), osp.basename(config))
    if same_file(osp.realpath(there), config) and not _is_flat(config):
        raise UserError(f'the work dir (={work_dir!r}) has the config '
                        f'{config!r} itself, which would be written over: '
                        'name another folder with --work-dir')


def _is_flat(config: str) -> bool:
    """Return True if a config has only values, as a dump has."""
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


def is_inside(path: str, folder: str) -> bool:
    """Return True if a path is a folder or lies in it, links followed."""
    inner, outer = osp.realpath(path), osp.realpath(folder)
    return inner == outer or inner.startswith(outer.rstrip(os.sep) + os.sep)
