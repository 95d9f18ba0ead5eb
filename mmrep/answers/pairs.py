"""The difference of two nets by pairs of seeds, with its interval."""
import math
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

import numpy as np

from ..errors import UserError
from .results import Comparison, Result

CONFIDENCE = 0.95
BETTER, WORSE = 'better', 'worse'
SAME, FEW = 'no difference seen', 'too few seeds'

Pairs = List[Tuple[Result, Result]]


@dataclass(frozen=True)
class Against:
    """How a net differs from an opponent: net minus opponent.

    Attributes:
        opponent: Name of the opponent.
        seeds: The seeds that both have finished.
        difference: The mean difference of the metric; None without a pair.
        low: Lower end of the interval; None with fewer than two pairs.
        high: Upper end of the interval; None with fewer than two pairs.
        verdict: ``'better'``, ``'worse'``, ``'no difference seen'`` or ``'too
            few seeds'``.
        seconds_ratio: The mean ratio of the times of training; None without a
            pair.
    """

    opponent: str
    seeds: List[int]
    difference: Optional[float] = None
    low: Optional[float] = None
    high: Optional[float] = None
    verdict: str = FEW
    seconds_ratio: Optional[float] = None


def interval(differences: Sequence[float]) -> Tuple[float, float]:
    """Return the 95 % interval of a mean difference by the t distribution.

    It is ``mean +- t(0.975, n - 1) std / sqrt(n)``, that of a paired t test.
    Equal differences have an interval without width.

    Args:
        differences: The differences of at least two pairs.
    """
    from scipy.stats import t  # slow to import
    count = len(differences)
    error = np.std(differences, ddof=1) / math.sqrt(count)
    half = t.ppf((1 + CONFIDENCE) / 2, count - 1) * error
    mean = np.mean(differences)
    return float(mean - half), float(mean + half)


def verdict(low: float, high: float, lower_is_better: bool) -> str:
    """Return what an interval of a difference says about the net.

    One without width says nothing: the spread has not been seen.
    """
    if low <= 0 <= high:
        return SAME
    if math.isclose(low, high):
        return FEW
    return BETTER if (low > 0) != lower_is_better else WORSE


def against(nets: Pairs, opponent: str, comparison: Comparison) -> Against:
    """Compare a net with an opponent.

    Args:
        nets: The pairs of runs with equal seeds, the net first.
        opponent: Name of the opponent.
        comparison: The comparison.
    """
    if not nets:
        return Against(opponent, [])
    differences = [
        value_of(a, comparison) - value_of(b, comparison) for a, b in nets
    ]
    ratios = [a.seconds / b.seconds for a, b in nets if b.seconds]
    found = dict(
        seeds=[a.seed for a, _ in nets],
        difference=float(np.mean(differences)),
        seconds_ratio=mean_of(ratios))
    if len(nets) > 1:
        low, high = interval(differences)
        found.update(
            low=low,
            high=high,
            verdict=verdict(low, high, comparison.lower_is_better))
    return Against(opponent, **found)


def value_of(result: Result, comparison: Comparison) -> float:
    """Return the deciding metric of a run.

    Raises:
        UserError: The run lacks it.
    """
    name = comparison.metric
    if name not in result.metrics:
        raise UserError(
            f'the metric (={name!r}) must be one of those of {result.net!r}, '
            f"seed {result.seed}: {', '.join(result.metrics) or 'none'}")
    return result.metrics[name]


def mean_of(values: Sequence[float]) -> Optional[float]:
    """Return a mean, or None of no values."""
    return float(np.mean(values)) if values else None
