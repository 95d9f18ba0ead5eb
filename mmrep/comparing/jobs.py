"""One run as processes: its training, then its deployment and test."""
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import IO, List, Optional

from ..errors import UserError
from ..hooks.training_record_hook import read_record
from .files import RESULT, checkpoint_of
from .places import Launch, Place
from .plan import Run

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

LAST = 8  # lines of a log that are shown
ERROR = 'error: '  # what a tool's sentence begins with
SOON = 0.02  # the part of a training after which its pace is known
GRACE = 10.  # seconds to end in, before a process is killed


class Job:
    """A run on its way through its processes.

    A lock is held by the processes themselves. So a second call waits for a
    process that has outlived the call that started it.

    Args:
        run: The run.
        launch: How its processes are started.
        place: Where they run.
    """

    def __init__(self, run: Run, launch: Launch, place: Place) -> None:
        self.run, self.launch, self.place = run, launch, place
        self.process: Optional[subprocess.Popen] = None
        self.failure = ''
        self.began = time.monotonic()
        self._log_start = 0
        self._is_trained = False
        self._lock: Optional[IO] = None

    @property
    def log(self) -> str:
        """Path of the file with all that the processes print."""
        return self.run.beside('log')

    @property
    def stage(self) -> str:
        """What is done at present, in a word or two."""
        if self._lock is None:
            return 'waits for another call'
        return 'deployed and tested' if self._is_trained else 'trains'

    @property
    def seconds(self) -> float:
        """Seconds since the job began."""
        return time.monotonic() - self.began

    def poll(self) -> bool:
        """Do what can be done now; return True at the end of the job.

        Raises:
            UserError: A file cannot be written.
        """
        if self._lock is None and not self._locked():
            return False
        if self.process is None:
            return self._begin()
        code = self.process.poll()
        if code is None:
            return False
        if code:
            self.failure = self._why(code)
            self._trained.unlink(missing_ok=True)
            return self._end()
        if self._is_trained:
            return self._end()
        self._trained.touch()
        return self._begin()

    @property
    def _trained(self) -> Path:
        """An empty file, written when the training has ended well."""
        return Path(self.run.beside('trained'))

    def part(self) -> float:
        """Return the part of the training that is done."""
        return part_of(read_record(self.run.folder))

    def left(self) -> Optional[float]:
        """Return the seconds that the training takes yet, by its own pace.

        None before it has one, and while another call's process is at work.
        """
        record = read_record(self.run.folder)
        part = part_of(record)
        if self._lock is None or part < SOON:
            return None
        return record.get('seconds', 0.) * (1 - part) / part

    def signal(self, number: int = signal.SIGTERM) -> None:
        """Signal the process and those that it has started, if it runs.

        Args:
            number: The signal. Defaults to SIGTERM.
        """
        if self.process is not None and self.process.poll() is None:
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                pass

    def stop(self) -> None:
        """End the processes of the job."""
        if self.process is not None and self.process.poll() is None:
            self.signal()
            try:
                self.process.wait(GRACE)
            except subprocess.TimeoutExpired:
                self.signal(signal.SIGKILL)
                self.process.wait()
        self._end()

    def _begin(self) -> bool:
        """Start the first process that is needed; True if none is."""
        if Path(self.run.beside(RESULT)).exists():
            return self._end()  # another call has finished it meanwhile
        self._is_trained = self._trained.exists()
        if self._is_trained:
            self._start(self.launch.finish(self.run))
        else:
            checkpoint = checkpoint_of(self.run.folder)
            self._start(self.launch.train(self.run, checkpoint))
        return False

    def _locked(self) -> bool:
        """Take the lock of the run, if nobody else has it."""
        try:
            file = open(self.run.beside('lock'), 'a')
        except OSError as error:
            raise UserError(
                f'cannot write into the work dir: {error}') from error
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                return False
            except OSError:  # a file system without locks
                pass
        self._lock = file
        return True

    def _start(self, command: List[str]) -> None:
        environment = {**os.environ, **self.place.environment}
        try:
            with open(self.log, 'ab') as log:
                self._log_start = log.tell()
                self.process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    start_new_session=True,
                    pass_fds=[self._lock.fileno()])
        except OSError as error:
            raise UserError(f'cannot start {command[0]!r} for '
                            f'{self.run.name}: {error}') from error

    def _why(self, code: int) -> str:
        """Return why a process has failed, from the end of its log."""
        stage = 'test' if self._is_trained else 'training'
        ending = f'signal {-code}' if code < 0 else f'exit code {code}'
        lines = last_lines(self.log, self._log_start)
        told = [line for line in lines if line.startswith(ERROR)]
        why = told[-1][len(ERROR):] if told else ' | '.join(lines)
        return f'{stage} ended with {ending}: {why} (log: {self.log})'

    def _end(self) -> bool:
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        return True


def part_of(record: dict) -> float:
    """Return the part of a training that is done, by its record.

    Args:
        record: The record, empty before the first iteration.
    """
    return record.get('iteration', 0) / max(record.get('length', 1), 1)


def last_lines(path: str, start: int = 0) -> List[str]:
    """Return the last lines of a log that are not empty.

    Args:
        path: The path of the log.
        start: The byte from which on it counts. Defaults to 0.
    """
    try:
        text = Path(path).read_bytes()[start:].decode(errors='replace')
    except OSError:
        return []
    return [line.strip() for line in text.splitlines() if line.strip()][-LAST:]
