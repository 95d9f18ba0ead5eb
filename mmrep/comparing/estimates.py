"""How long runs take, from those that have run or have begun."""
from collections import defaultdict
from statistics import mean
from typing import DefaultDict, Iterable, List, Optional, Sequence

from .jobs import Job
from .plan import Run

HOUR, MINUTE = 3600, 60


class Estimate:
    """Estimates the time that runs still take.

    Args:
        places: The number of runs at a time.
    """

    def __init__(self, places: int) -> None:
        self.places = places
        self.known: DefaultDict[str, List[float]] = defaultdict(list)

    def add(self, net: str, seconds: float) -> None:
        """Add the seconds that a run of a net has taken."""
        self.known[net].append(seconds)

    def left(self, waiting: Iterable[Run],
             running: Sequence[Job]) -> Optional[float]:
        """Return the seconds until all have ended, None if not known yet.

        Args:
            waiting: The runs that have not begun.
            running: The jobs that have.
        """
        whole = {job.run.net: seen(job) for job in running}
        begun = {net: each for net, each in whole.items() if each}
        pace = {**begun, **{net: mean(s) for net, s in self.known.items()}}
        if not pace:
            return None
        usual = mean(pace.values())
        work = sum(pace.get(run.net, usual) for run in waiting)
        work += sum(
            max(0.,
                pace.get(job.run.net, usual) - job.seconds) for job in running)
        return work / max(1, self.places)


def seen(job: Job) -> Optional[float]:
    """Return the seconds that a job takes in all, as far as it tells.

    Args:
        job: A job that has begun.
    """
    left = job.left()
    return None if left is None else job.seconds + left


def in_words(seconds: float) -> str:
    """Return a time as a person says it: 40 s, 12 min, 2 h 05 min."""
    if seconds < MINUTE:
        return f'{seconds:.0f} s'
    if seconds < HOUR:
        return f'{seconds / MINUTE:.0f} min'
    hours, minutes = divmod(round(seconds / MINUTE), 60)
    return f'{hours} h {minutes:02d} min'
