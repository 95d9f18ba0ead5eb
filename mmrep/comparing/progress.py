"""Tell on the terminal how far the runs of a comparison are."""
from typing import Dict, Sequence

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn
from rich.progress import Progress as Bars
from rich.progress import TaskID, TaskProgressColumn, TextColumn

from ..answers.numbers import count
from ..answers.results import Result
from .estimates import Estimate, in_words
from .jobs import Job
from .plan import Run


class Progress:
    """Bars on a terminal; lines elsewhere.

    Args:
        console: Where they are shown.
        places: The number of runs at a time.
    """

    def __init__(self, console: Console, places: int) -> None:
        self.console = console
        self.estimate = Estimate(places)
        self.is_estimated = False
        self.bars = Bars(
            TextColumn('{task.description}'),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn('{task.fields[note]}'),
            console=console,
            transient=True,
            disable=not console.is_terminal)
        self.of_job: Dict[Job, TaskID] = {}

    def begin(self, runs: Sequence[Run], waiting: Sequence[Run]) -> None:
        """Tell what is planned."""
        done = len(runs) - len(waiting)
        nets, seeds = ({getattr(r, key)
                        for r in runs} for key in ('net', 'seed'))
        kept = f', {done} of them finished before' if done else ''
        what = ', '.join((count(len(nets), 'net'), count(len(seeds), 'seed')))
        self._say(f"{count(len(runs), 'run')}: {what}{kept}; "
                  f'{self.estimate.places} at a time')
        self.all = self.bars.add_task(
            'all runs', total=len(runs), completed=done, note='')
        self.bars.start()

    def started(self, job: Job) -> None:
        """Show a bar for a run."""
        self.of_job[job] = self.bars.add_task(
            escape(job.run.name), total=1., note='')
        self._say(f'{job.run.name}: begins', quiet=True)

    def show(self, waiting: Sequence[Run], running: Sequence[Job]) -> None:
        """Move the bars, and tell the time that is left."""
        for job in running:
            self.bars.update(
                self.of_job[job], completed=job.part(), note=job.stage)
        left = self.estimate.left(waiting, running)
        if left is None:
            return
        self.bars.update(self.all, note=f'{in_words(left)} left')
        if not self.is_estimated:
            self.is_estimated = True
            runs = count(len(waiting) + len(running), 'run')
            self._say(f'about {in_words(left)} for {runs}, by the first '
                      'iterations')

    def finished(self, job: Job, result: Result) -> None:
        """Tell that a run has ended well."""
        self.estimate.add(job.run.net, job.seconds)
        self._over(job)
        some = list(result.metrics.items())[:3]
        text = ', '.join(f'{name} {value:.4g}' for name, value in some)
        self._say(f'{job.run.name}: {text}; trained for '
                  f'{in_words(result.seconds)}{self._left()}')

    def failed(self, job: Job) -> None:
        """Tell that a run has failed; the others go on."""
        self._over(job)
        self._say(f'{job.run.name} failed: {job.failure}')

    def end(self) -> None:
        """Remove the bars."""
        self.bars.stop()

    def _over(self, job: Job) -> None:
        self.bars.remove_task(self.of_job.pop(job))
        self.bars.advance(self.all)

    def _left(self) -> str:
        note = self.bars.tasks[0].fields['note'] if self.bars.tasks else ''
        return f'; {note}' if note else ''

    def _say(self, text: str, quiet: bool = False) -> None:
        """Print a line; a quiet one only where no bars are shown."""
        if not (quiet and self.console.is_terminal):
            self.console.print(escape(text), highlight=False, soft_wrap=True)
