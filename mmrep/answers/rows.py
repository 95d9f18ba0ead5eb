"""The table of a comparison as texts, whatever form it takes."""
from typing import Dict, List, Optional, Sequence

from ..measure.columns import duration as short_duration
from .numbers import (NONE, decimals_of, difference, duration, millions, ratio,
                      spread, unit_of)
from .pairs import FEW, Against
from .results import Comparison
from .statistics import Summary

NET, SEEDS, VERDICT = 'net', 'seeds', 'verdict'
DIFFERENCE, EQUAL_TIME = 'difference [95 %]', 'at equal time [95 %]'
EQUAL_VERDICT = 'verdict at equal time'
TRAINING, RATIO = 'training', 'time ratio'
MEMORY, LATENCY = 'peak memory', 'latency deployed'
PARAMETERS, DEPLOYED = 'parameters in training', 'parameters deployed'
VERDICTS = (VERDICT, EQUAL_VERDICT)
TEXTS = (NET, *VERDICTS)  # the others hold numbers


def rows_of(comparison: Comparison,
            found: Sequence[Summary]) -> List[Dict[str, str]]:
    """Return the texts of the table: for each net those of its columns.

    Args:
        comparison: The comparison.
        found: The summaries of its nets.
    """
    decimals = decimals_of(summary.mean for summary in found)
    unit = unit_of(summary.seconds for summary in found)
    baseline = comparison.nets[0]
    has_further = any(a.opponent != baseline for s in found for a in s.against)
    return [{
        NET: summary.net,
        SEEDS: str(len(summary.seeds)),
        comparison.metric: spread(summary.mean, summary.std, decimals),
        **_outcome(summary, baseline, decimals, has_further),
        TRAINING: duration(summary.seconds, unit),
        RATIO: ratio(_ratio(summary, baseline)),
        **_sizes(summary),
    } for summary in found]  # yapf: disable


def _outcome(summary: Summary, baseline: str, decimals: int,
             has_further: bool) -> Dict[str, str]:
    """Return the comparison with the baseline, and with further opponents."""
    first = [a for a in summary.against if a.opponent == baseline]
    further = [a for a in summary.against if a.opponent != baseline]
    columns = [(DIFFERENCE, VERDICT, first)]
    columns += [(EQUAL_TIME, EQUAL_VERDICT, further)] if has_further else []
    cells = {}
    for numbers, verdict, found in columns:
        differences = '; '.join(_difference(a, decimals) for a in found)
        cells[numbers] = differences or NONE
        cells[verdict] = '; '.join(a.verdict for a in found) or NONE
    return cells


def _difference(found: Against, decimals: int) -> str:
    mean, low, high = difference(found, decimals)
    return mean if found.verdict == FEW else f'{mean} [{low}, {high}]'


def _ratio(summary: Summary, baseline: str) -> Optional[float]:
    """Return the ratio of times to the baseline, 1 for itself."""
    if summary.net == baseline and summary.seconds is not None:
        return 1.
    return next((a.seconds_ratio
                 for a in summary.against if a.opponent == baseline), None)


def _sizes(summary: Summary) -> Dict[str, str]:
    """Return the columns of memory, parameters and latency."""
    memory, latency = summary.memory, summary.latency
    return {
        MEMORY: NONE if memory is None else f'{memory:.0f} MiB',
        PARAMETERS: millions(summary.parameters),
        DEPLOYED: millions(summary.deployed_parameters),
        LATENCY: NONE if latency is None else short_duration(latency, 'ms'),
    }
