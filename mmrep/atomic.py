"""Write files so that a broken write leaves nothing behind."""
import json
import os
import os.path as osp
import shutil
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Callable, Dict, Iterable, Iterator, List, Sequence

from .ending import ended_by_sigterm
from .errors import UserError
from .paths import check_path, same_file

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


def check_destination(path: str, inputs: Sequence[str], name: str,
                      done: str) -> None:
    """Refuse a file that cannot be written or would destroy an input.

    Args:
        path: The file, or a link to it.
        inputs: The files that it is made of.
        name: The argument's name, for the message.
        done: The participle for the work on the inputs, such as 'fused', for
            the message.

    Raises:
        UserError: ``path`` is no path, or it is an input, a folder or a
            device, or its folder is missing or not writable.
    """
    check_path(path, name)
    target = osp.realpath(path)
    folder = osp.dirname(target)
    if not osp.isdir(folder):
        raise UserError(f'the folder of {name} is not there: {folder!r}')
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f'nothing may be written into the folder of {name}: '
                        f'{folder!r}')
    if any(same_file(target, path) for path in inputs):
        raise UserError(
            f'{path!r} is what is to be {done}: name another {name}')
    if osp.isdir(path):
        raise UserError(f'{path!r} is a folder: name another {name}')
    if osp.lexists(target) and not osp.isfile(target):
        raise UserError(f'{path!r} is no regular file: name another {name}')


def write_together(writers: Dict[str, Callable[[str], object]]) -> None:
    """Write all files, or none.

    Each file is written under a name that nobody else has, in a new folder
    beside its destination, and then takes its place. Another writer of the
    same files waits meanwhile, so that all files come from one writer. A link
    stays, and the file that it leads to is replaced. A replaced file keeps its
    permissions.

    Args:
        writers: The function that writes each file to a given path, by the
            file's own path.

    Raises:
        UserError: The files cannot be written.
    """
    targets = _targets(list(writers))
    try:
        with ended_by_sigterm(), ExitStack() as folders:
            parts = {}
            for path, target in targets.items():
                parts[target] = folders.enter_context(_part(target))
                writers[path](parts[target])
            with _locked(map(osp.dirname, targets.values())):
                _replace(parts)
    except (OSError, RuntimeError) as error:
        raise UserError(f'cannot write {next(iter(writers))!r}: '
                        f'{error}') from error


def _targets(paths: List[str]) -> Dict[str, str]:
    """Return the file behind each path, with links followed.

    Raises:
        UserError: Two paths are the same file, or one is no regular file.
    """
    targets = {path: osp.realpath(path) for path in paths}
    for path, target in targets.items():
        if osp.lexists(target) and not osp.isfile(target):
            raise UserError(f'cannot write {path!r}: it is no regular file')
    if len(set(targets.values())) < len(targets):
        raise UserError(f'cannot write {paths}: they are the same file, name '
                        'different ones')
    return targets


@contextmanager
def _part(target: str) -> Iterator[str]:
    """Yield a path for a part of a file, in a folder of its own beside it."""
    with TemporaryDirectory(
            dir=osp.dirname(target), prefix='.mmrep-') as folder:
        yield osp.join(folder, osp.basename(target))


@contextmanager
def _locked(folders: Iterable[str]) -> Iterator[None]:
    """Lock the folders against other writers of this package."""
    with ExitStack() as held:
        for folder in sorted(set(folders)):  # one order: no deadlock
            if fcntl is not None:
                handle = os.open(folder, os.O_RDONLY)
                held.callback(os.close, handle)
                _lock(handle)
        yield


def _lock(handle: int) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:  # a file system without locks
        pass


def _replace(parts: Dict[str, str]) -> None:
    """Put the parts in place of the files, or leave these as they were."""
    # a single file needs no copy: its replacement is one step
    before = {t: _kept(t, p) for t, p in parts.items() if len(parts) > 1}
    done = []
    try:
        for target, part in parts.items():
            if osp.lexists(target):
                shutil.copymode(target, part)
            done.append(target)
            os.replace(part, target)
    except BaseException:
        for target in done:
            if before.get(target):
                os.replace(before[target], target)
            elif target in before and osp.lexists(target):
                os.remove(target)
        raise


def _kept(target: str, part: str) -> str:
    """Return the present file under a second name, '' if there is none."""
    if not osp.lexists(target):
        return ''
    kept = osp.join(osp.dirname(part), '.mmrep-before')
    try:
        os.link(target, kept)
    except OSError:  # a file system without links
        shutil.copy2(target, kept)
    return kept


def write_json(data: dict, path: str) -> None:
    """Write plain data; one of the writers of :func:`write_together`."""
    Path(path).write_text(json.dumps(data, indent=2) + '\n')
