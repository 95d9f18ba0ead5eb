"""Time calls fairly: those to compare run in turn."""
import statistics
import time
from functools import partial
from typing import Callable, List, Optional, Sequence, Tuple

import torch

Seconds = Tuple[float, ...]


class Laps:
    """A stopwatch for the seconds between moments, from now on.

    Each moment waits for the GPU, so that work counts in the lap it began in.

    Args:
        now: The function that reads another quantity than seconds. Defaults
            to None, the clock.

    Examples:
        >>> from mmrep.measure.timing import Laps
        >>> laps = Laps()
        >>> for _ in range(2):
        ...     laps.lap()
        >>> len(laps.seconds)
        2
    """

    def __init__(self, now: Optional[Callable[[], float]] = None) -> None:
        self.now = now or time.perf_counter
        self.moments: List[float] = []
        self.lap()

    def lap(self) -> None:
        """End a lap and begin the next one."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.moments.append(self.now())

    @property
    def seconds(self) -> Seconds:
        """Duration of each lap, in seconds or in what ``now`` reads."""
        pairs = zip(self.moments, self.moments[1:])
        return tuple(end - start for start, end in pairs)


def alternate(calls: Sequence[Callable[[], object]],
              rounds: int,
              progress: Callable[[], object] = lambda: None) -> List[float]:
    """Return the median seconds of each call, timed in turn: A B A B ...

    A first round warms up and does not count.

    Args:
        calls: Functions to time.
        rounds: Number of times to time each of them.
        progress: Function to call after every call. Defaults to one that
            does nothing.

    Examples:
        >>> import torch
        >>> from mmrep.measure.timing import alternate
        >>> x = torch.randn(8, 8)
        >>> seconds = alternate([lambda: x + x, lambda: x @ x], rounds=3)
        >>> len(seconds), all(s > 0 for s in seconds)
        (2, True)
    """
    each = [partial(timed, call) for call in calls]
    return [
        statistics.median(map(sum, taken))
        for taken in in_turn(each, rounds, progress)
    ]


def in_turn(
        calls: Sequence[Callable[[], Seconds]],
        rounds: int,
        progress: Callable[[], object] = lambda: None) -> List[List[Seconds]]:
    """Run calls in turn, as :func:`alternate` does; they time themselves.

    Returns:
        A list for each call, with its results in order, without the first
        round.

    Examples:
        >>> from functools import partial
        >>> from mmrep.measure.timing import in_turn, timed
        >>> calls = [partial(timed, list), partial(timed, dict)]
        >>> laps = in_turn(calls, rounds=3)
        >>> [len(of_one_call) for of_one_call in laps]
        [3, 3]
    """
    times: List[List[Seconds]] = [[] for _ in calls]
    for i in range(rounds + 1):
        for call, taken in zip(calls, times):
            seconds = call()
            if i:
                taken.append(seconds)
            progress()
    return times


def median(times: Sequence[Seconds]) -> Seconds:
    """Return the parts of the median round, which sum to the median.

    With an even number of rounds this is the faster one of the middle two.

    Examples:
        >>> from mmrep.measure.timing import median
        >>> median([(1.0, 2.0), (0.5, 0.5), (4.0, 4.0)])
        (1.0, 2.0)
    """
    return sorted(times, key=sum)[(len(times) - 1) // 2]


def timed(call: Callable[[], object]) -> Seconds:
    """Return the seconds of a call and its work on the GPU, as one lap.

    Examples:
        >>> from mmrep.measure.timing import timed
        >>> seconds, = timed(lambda: sum(range(100)))
        >>> seconds > 0
        True
    """
    laps = Laps()
    call()
    laps.lap()
    return laps.seconds
