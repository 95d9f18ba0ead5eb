"""Learning curves over several seeds."""
import math
from typing import List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from .results import Result


class Curve(NamedTuple):
    """The mean of learning curves.

    Attributes:
        iterations: The iterations of its points.
        means: The means over the seeds.
        stds: The standard deviations; None with a single seed.
    """

    iterations: np.ndarray
    means: np.ndarray
    stds: Optional[np.ndarray]


def curve_of(runs: Sequence[Result], metric: str) -> Optional[Curve]:
    """Return the mean learning curve of runs, None if none has one.

    Runs that validated at other iterations are interpolated where all have
    values on both sides.

    Args:
        runs: The runs of a net.
        metric: The metric; points that lack it do not count.
    """
    curves = [
        curve for curve in (_points(run, metric) for run in runs) if curve
    ]
    if not curves:
        return None
    first = max(curve[0][0] for curve in curves)
    last = min(curve[-1][0] for curve in curves)
    grid = sorted({x for curve in curves for x, _ in curve})
    steps = np.array([x for x in grid if first <= x <= last])
    values = np.array([np.interp(steps, *zip(*curve)) for curve in curves])
    stds = values.std(0, ddof=1) if len(curves) > 1 else None
    return Curve(steps, values.mean(0), stds) if len(steps) else None


def _points(run: Result, metric: str) -> List[Tuple[int, float]]:
    points = [(point.iteration, point.metrics[metric]) for point in run.curve
              if math.isfinite(point.metrics.get(metric, math.nan))]
    return sorted(points)
