"""Numbers as people read them."""
import math
from typing import Iterable, Optional, Tuple

from .pairs import Against

MINUS, PLUS_MINUS, TIMES = '\u2212', '\u00b1', '\u00d7'
NONE = '\u2013'  # where there is no number
SIGNIFICANT = 4  # digits of a mean
FURTHER = 3  # decimals at most, lest an interval seems to end at 0


def decimals_of(values: Iterable[Optional[float]]) -> int:
    """Return the decimals that give the largest value four digits.

    Args:
        values: The numbers of a column; None is passed over.
    """
    largest = max((abs(v) for v in values if v is not None), default=0)
    before = math.floor(math.log10(largest)) + 1 if largest else 1
    return max(0, SIGNIFICANT - before)


def number(value: Optional[float], decimals: int, sign: str = '') -> str:
    """Return a number with fixed decimals, or a dash for None.

    Args:
        value: The number.
        decimals: The number of its decimals.
        sign: ``'+'`` writes the sign of positive numbers, too. Defaults to
            ``''``.
    """
    if value is None:
        return NONE
    text = f'{value:{sign}.{decimals}f}'
    if not float(text):  # neither +0.0 nor -0.0
        text = text.lstrip('+-')
    return text.replace('-', MINUS)


def spread(mean: Optional[float], std: Optional[float], decimals: int) -> str:
    """Return a mean with its standard deviation, if there is one."""
    text = number(mean, decimals)
    return text if std is None else (
        f'{text} {PLUS_MINUS} {number(std, decimals)}')


def difference(found: Against, decimals: int) -> Tuple[str, str, str]:
    """Return a difference and the ends of its interval with equal decimals.

    An end that is not 0 does not look like 0: it gets further decimals.

    Args:
        found: The comparison with an opponent.
        decimals: The decimals of the metric.
    """
    ends = [end for end in (found.low, found.high) if end]
    for _ in range(FURTHER):
        decimals += any(abs(end) < 0.5 * 10**-decimals for end in ends)
    return (number(found.difference, decimals,
                   '+'), number(found.low, decimals,
                                '+'), number(found.high, decimals, '+'))


def unit_of(seconds: Iterable[Optional[float]]) -> Tuple[str, float]:
    """Return the unit that suits the longest time, and its seconds."""
    longest = max((s for s in seconds if s is not None), default=0)
    if longest < 120:
        return 's', 1
    return ('min', 60) if longest < 2 * 3600 else ('h', 3600)


def duration(seconds: Optional[float], unit: Tuple[str, float]) -> str:
    """Return a time in a unit of :func:`unit_of`, with a decimal or two."""
    if seconds is None:
        return NONE
    value = seconds / unit[1]
    return f'{value:.{1 if value >= 10 else 2}f} {unit[0]}'


def ratio(value: Optional[float]) -> str:
    """Return how many times as much it is."""
    return NONE if value is None else f'{value:.2f}{TIMES}'


def millions(value: Optional[float]) -> str:
    """Return a number of parameters in millions."""
    return NONE if value is None else f'{value / 1e6:.2f} M'


def count(number_of: int, thing: str) -> str:
    """Return a number of things, such as '1 pair' and '2 pairs'."""
    return f"{number_of} {thing}{'' if number_of == 1 else 's'}"
