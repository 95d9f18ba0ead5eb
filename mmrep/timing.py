"""Fair timing: the ones to compare run in turn."""
import statistics
import time
from typing import Callable, List, Sequence


def alternate(calls: Sequence[Callable[[], object]],
              rounds: int,
              progress: Callable[[], object] = lambda: None) -> List[float]:
    """Median seconds of each call, A B A B ..., after a round to warm up.

    Args:
        calls: What to time.
        rounds: How often each is timed.
        progress: Called after every call.
    """
    times: List[List[float]] = [[] for _ in calls]
    for i in range(rounds + 1):
        for call, taken in zip(calls, times):
            start = time.perf_counter()
            call()
            if i:
                taken.append(time.perf_counter() - start)
            progress()
    return [statistics.median(taken) for taken in times]
