"""Run all runs of a comparison, several at a time."""
import time
from typing import Callable, Dict, List, Sequence

from ..answers.results import Result
from ..ending import ended_by_sigterm
from ..errors import UserError
from .files import result_of, write_config
from .jobs import Job
from .places import Launch, Place
from .plan import Run
from .progress import Progress

PAUSE = 0.2  # seconds between two looks at the processes


class Pool:
    """Runs what is not finished, and collects the results of all.

    Args:
        launch: How processes are started.
        places: Where they run, one run at a time at each.
        progress: What is told about them.
        check: The function that each new result is given to; it raises to
            stop all.
    """

    def __init__(self, launch: Launch, places: Sequence[Place],
                 progress: Progress, check: Callable[[Result], None]) -> None:
        self.launch, self.progress, self.check = launch, progress, check
        self.free = list(places)
        self.jobs: List[Job] = []
        self.failures: Dict[str, str] = {}

    def run(self, runs: Sequence[Run]) -> List[Result]:
        """Run what is not finished yet, and return the results in order.

        Args:
            runs: The runs.

        Raises:
            UserError: A file cannot be written, or a run is of another
                comparison. Whatever runs is ended first.
        """
        results = {run.name: result_of(run) for run in runs}
        waiting = [run for run in runs if results[run.name] is None]
        for run in runs:
            write_config(run)
        for result in filter(None, results.values()):
            self.check(result)
        self.progress.begin(runs, waiting)
        with ended_by_sigterm():
            try:
                while waiting or self.jobs:
                    self._step(waiting, results)
            except OSError as error:
                raise UserError(f'cannot write into the work dir: {error}; '
                                'the finished runs are kept') from error
            finally:
                for job in self.jobs:
                    job.signal()
                for job in self.jobs:
                    job.stop()
                self.progress.end()
        return [r for r in map(results.get, map(_name, runs)) if r is not None]

    def _step(self, waiting: List[Run], results: Dict[str, Result]) -> None:
        """Start what there is place for, and look after what runs."""
        while waiting and self.free:
            job = Job(waiting.pop(0), self.launch, self.free.pop(0))
            self.jobs.append(job)
            self.progress.started(job)
        for job in list(self.jobs):
            if job.poll():
                self.jobs.remove(job)
                self.free.append(job.place)
                self._ended(job, results)
        self.progress.show(waiting, self.jobs)
        time.sleep(PAUSE)

    def _ended(self, job: Job, results: Dict[str, Result]) -> None:
        result = None if job.failure else result_of(job.run)
        if result is None:
            job.failure = (
                job.failure or f'no result was written (log: {job.log})')
            self.failures[job.run.name] = job.failure
            self.progress.failed(job)
            return
        results[job.run.name] = result
        self.progress.finished(job, result)
        self.check(result)


def _name(run: Run) -> str:
    return run.name
