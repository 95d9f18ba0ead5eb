"""What the finished runs of each net have in common."""
import math
from dataclasses import dataclass, field
from typing import Dict, List, Optional

import numpy as np

from .pairs import Against, Pairs, against, mean_of, value_of
from .results import Comparison, Result

PACKAGES = ('matplotlib', 'scipy')  # what an answer needs, beside the hosts


@dataclass(frozen=True)
class Summary:
    """What the finished runs of a net have in common.

    All means are None without a run.

    Attributes:
        net: Name of the net.
        seeds: The seeds whose runs count.
        left_out: Finished seeds whose metric is no finite number.
        mean: The mean of the deciding metric.
        std: Its standard deviation (n - 1 degrees of freedom); None with
            fewer than two runs.
        seconds: Mean time of training.
        memory: Mean of the highest memory in training, in MiB.
        iterations: Mean length of training.
        parameters: Mean of the most parameters in training.
        deployed_parameters: Mean number of parameters when deployed.
        latency: Seconds that the deployed net takes for one image.
        against: The comparisons with its opponents.
    """

    net: str
    seeds: List[int]
    left_out: List[int]
    mean: Optional[float] = None
    std: Optional[float] = None
    seconds: Optional[float] = None
    memory: Optional[float] = None
    iterations: Optional[float] = None
    parameters: Optional[float] = None
    deployed_parameters: Optional[float] = None
    latency: Optional[float] = None
    against: List[Against] = field(default_factory=list)


def summaries(comparison: Comparison) -> List[Summary]:
    """Return a summary of each net, in the order of the nets.

    Args:
        comparison: The comparison.

    Raises:
        UserError: A run lacks the deciding metric.
    """
    runs = {net: counted(net, comparison) for net in comparison.nets}
    return [_summary(net, runs, comparison) for net in comparison.nets]


def opponents_of(net: str, comparison: Comparison) -> List[str]:
    """Return a net's opponents: the baseline, if none are named."""
    baseline = comparison.nets[0]
    usual = [] if net == baseline else [baseline]
    return comparison.opponents.get(net, usual)


def counted(net: str, comparison: Comparison) -> List[Result]:
    """Return the finished runs of a net whose metric is a finite number."""
    return [
        run for run in comparison.of(net)
        if math.isfinite(value_of(run, comparison))
    ]


def _summary(net: str, runs: Dict[str, List[Result]],
             comparison: Comparison) -> Summary:
    own = runs[net]
    values = [value_of(run, comparison) for run in own]
    seeds = [run.seed for run in own]
    means = {
        name: mean_of([getattr(run, name) for run in own])
        for name in ('seconds', 'memory', 'iterations', 'parameters',
                     'deployed_parameters')
    }
    return Summary(
        net,
        seeds,
        [run.seed for run in comparison.of(net) if run.seed not in seeds],
        mean_of(values),
        float(np.std(values, ddof=1)) if len(values) > 1 else None,
        latency=comparison.latency.get(net),
        against=[
            against(_pairs(own, runs.get(name, [])), name, comparison)
            for name in opponents_of(net, comparison)
        ],
        **means)


def _pairs(own: List[Result], others: List[Result]) -> Pairs:
    by_seed = {other.seed: other for other in others}
    return [(run, by_seed[run.seed]) for run in own if run.seed in by_seed]
