"""The files of a run: its config, its result, and what it can go on from."""
import json
from functools import partial
from pathlib import Path
from typing import Optional

from mmengine.config import Config

from ..answers.results import Result
from ..atomic import write_json, write_together
from ..cli.resuming import latest_checkpoint, newest_checkpoint
from ..errors import UserError
from .differences import differences
from .plan import Run

RESULT = 'result.json'
PROCESSES = 'processes.json'


def keep_to(work_dir: str, processes: int) -> None:
    """Refuse runs with another number of processes than those there.

    Args:
        work_dir: The folder of the comparison; the number is kept in it.
        processes: The number of processes of a training.

    Raises:
        UserError: The runs there have another number, or the folder cannot be
            written.
    """
    path = Path(work_dir, PROCESSES)
    if not path.exists():
        _make(path.parent)
        write_together({str(path): partial(write_json, processes)})
    there = path.read_text().strip()
    if there != str(processes):
        raise UserError(
            f'--processes (={processes}) is {there} in the runs of '
            f'{work_dir!r}, whose batches have another size then: name '
            'another --work-dir')


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f'cannot write {str(folder)!r}: {error}') from error


def write_config(run: Run) -> None:
    """Write the config of a run, or find the same one there.

    Args:
        run: The run.

    Raises:
        UserError: Another config is there, or the file cannot be written.
    """
    path = Path(run.config)
    if path.exists():
        _check_same(run)
        return
    _make(path.parent)
    text = run.cfg.pretty_text
    write_together({str(path): lambda part: Path(part).write_text(text)})


def _check_same(run: Run) -> None:
    try:
        there = Config.fromfile(run.config)
    except Exception as error:  # a file that is no config any more
        raise UserError(f'cannot read {run.config!r}, the config of a run: '
                        f'{error}; remove it') from error
    # a work dir may be named in another way, or have moved
    changed = [d for d in differences(run.cfg, there) if d.key != 'work_dir']
    if changed:
        raise UserError(
            f'{run.config!r} is of another comparison, in which '
            f'{changed[0].key} was {changed[0].baseline} and not '
            f'{changed[0].value}: name another --work-dir, or remove the '
            'runs of this net')


def result_of(run: Run) -> Optional[Result]:
    """Return the result of a run, None if it has not finished.

    Args:
        run: The run.

    Raises:
        UserError: Its file is damaged.
    """
    path = Path(run.beside(RESULT))
    if not path.exists():
        return None
    try:
        return Result.of(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UserError(f'cannot read the result {str(path)!r}: {error}; '
                        'remove it to run that part again') from error


def write_result(result: Result, path: str) -> None:
    """Write the result of a run, whole or not at all.

    Args:
        result: The result.
        path: The path of its file.

    Raises:
        UserError: It cannot be written.
    """
    write_together({path: partial(write_json, result.plain())})


def checkpoint_of(folder: str) -> Optional[str]:
    """Return the checkpoint that a training can go on from, None without one.

    Args:
        folder: The work dir of the training.
    """
    if not any(Path(folder).glob('*.pth')):
        return None
    try:
        return latest_checkpoint(folder)
    except UserError:  # the last one was being written
        return newest_checkpoint(folder)
