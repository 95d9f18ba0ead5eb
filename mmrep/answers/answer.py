"""The answer in sentences: one for each net, and notes."""
import math
from typing import List, Sequence

from .numbers import count, decimals_of, difference, number, spread
from .pairs import FEW, Against
from .results import Comparison
from .statistics import Summary

METHOD = ('Intervals are 95 % intervals of the mean difference by pairs of '
          'equal seeds, over the seeds that both nets have finished, by the '
          'paired t distribution; "better" and "worse" mean that the interval '
          'excludes 0.')
UNEVEN = 1.5  # times of equal trainings on a machine without other work


def answers(found: Sequence[Summary]) -> List[str]:
    """Return what a comparison says, a sentence for each net.

    Args:
        found: The summaries of the nets, the baseline first.
    """
    decimals = decimals_of(summary.mean for summary in found)
    return [_answer(summary, found[0].net, decimals) for summary in found]


def notes(comparison: Comparison, found: Sequence[Summary]) -> List[str]:
    """Return what a reader of the table must know, a sentence each.

    Args:
        comparison: The comparison.
        found: The summaries of its nets.
    """
    return [
        METHOD, *_of_many(found), *_of_no_width(found), *_of_left_out(found),
        *_of_devices(comparison), *_of_times(comparison), *comparison.notes
    ]


def failures(comparison: Comparison) -> List[str]:
    """Return a sentence for each run that has failed."""
    return [f'{run}: {why}' for run, why in comparison.failures.items()]


def _answer(summary: Summary, baseline: str, decimals: int) -> str:
    if not summary.seeds:
        return f'{summary.net}: no run has finished'
    if not summary.against:
        text = spread(summary.mean, summary.std, decimals)
        name = ' (the baseline)' if summary.net == baseline else ''
        seeds = count(len(summary.seeds), 'seed')
        return f'{summary.net}{name}: {text} over {seeds}'
    lost = len(summary.left_out)
    parts = [f"{count(lost, 'seed')} diverged and left out"] if lost else []
    for one in summary.against:
        name = '' if one.opponent == baseline else f'against {one.opponent}: '
        parts.append(name + _outcome(one, decimals))
    return f"{summary.net}: {'; '.join(parts)}"


def _outcome(found: Against, decimals: int) -> str:
    """Return the verdict, the numbers behind it and the cost."""
    if found.difference is None:
        return f'{found.verdict}: no seed that both have finished'
    mean, low, high = difference(found, decimals)
    pairs = count(len(found.seeds), 'pair')
    ends = '' if found.verdict == FEW else f' ({low} to {high})'
    text = f'{found.verdict}: {mean}{ends} over {pairs} of seeds'
    if found.seconds_ratio is None:
        return text
    times = number(found.seconds_ratio, 2)
    return f'{text}; training takes {times} times as long'


def _of_many(found: Sequence[Summary]) -> List[str]:
    if len(found) < 3:
        return []
    number_of = sum(one.low is not None for summary in found
                    for one in summary.against)
    return [
        f'There are {number_of} intervals and no correction for that: where '
        'nets do not differ, one interval in twenty still excludes 0 by '
        'chance.'
    ]


def _of_no_width(found: Sequence[Summary]) -> List[str]:
    """Warn of intervals that owe their width to a coarse metric."""
    return [
        f'All differences of {summary.net} to {one.opponent} are equal, so '
        'that the interval has no width: the metric is coarse, or there are '
        'too few seeds to see its spread.' for summary in found
        for one in summary.against
        if one.low is not None and math.isclose(one.low, one.high)
    ]


def _of_left_out(found: Sequence[Summary]) -> List[str]:
    return [
        f'{summary.net}, seed {seed} is left out: its metric is no finite '
        'number.' for summary in found for seed in summary.left_out
    ]


def _of_devices(comparison: Comparison) -> List[str]:
    devices = sorted({run.device for run in comparison.results if run.device})
    if len(devices) < 2:
        return []
    return [
        f"The nets were trained on different devices ({', '.join(devices)}): "
        'times and memory compare only within one.'
    ]


def _of_times(comparison: Comparison) -> List[str]:
    """Warn of trainings that other work on the machine has slowed."""
    slowed = [
        net for net in comparison.nets
        if _spread([run.seconds for run in comparison.of(net)]) > UNEVEN
    ]
    if not slowed:
        return []
    return [
        f"Equal trainings of {', '.join(slowed)} differ in time by a factor "
        f'of more than {UNEVEN}: the machine had other work, and times are '
        'rough.'
    ]


def _spread(seconds: Sequence[float]) -> float:
    """Return how many times the longest is the shortest."""
    return max(seconds) / min(seconds) if min(seconds, default=0) > 0 else 1.
