"""Each net is summarised over its own seeds, and compared over common ones."""
import numpy as np
import pytest
from scipy.stats import ttest_rel

from mmrep.answers.pairs import BETTER, FEW
from mmrep.answers.results import Comparison
from mmrep.answers.statistics import counted, opponents_of, summaries

from .demo import AS_LONG, BASELINE, LONG, SINGLE, demo, run, small


def test_means():
    """1, 2 and 6: mean 3, squared deviations 4 + 1 + 9 over 2 is 7."""
    runs = [
        run(seed=seed, value=value, seconds=10. * value, parameters=seed)
        for seed, value in enumerate([1, 2, 6])
    ]
    found, = summaries(Comparison('mIoU', ['a'], runs, latency={'a': 0.5}))
    assert found.seeds == [0, 1, 2] and found.left_out == []
    assert found.mean == 3 and found.std == pytest.approx(7**0.5)
    assert found.seconds == 30 and found.parameters == 1
    assert (found.memory, found.iterations) == (50, 10)
    assert found.deployed_parameters == 1000 and found.latency == 0.5
    assert found.against == []


def test_one_run_has_no_spread():
    found = summaries(small(dict(a={3: 1.}, b={})))
    assert found[0].mean == 1 and found[0].std is None
    assert found[1].mean is found[1].seconds is found[1].std is None
    assert found[1].against[0].verdict == FEW


def test_common_seeds_make_pairs():
    """The order of runs and further seeds make no difference."""
    a = {4: 3., 1: 1., 0: 9., 2: 2.}
    b = {1: 2.5, 7: 100., 2: 3.1, 4: 4.2}
    found = summaries(small(dict(a=a, b=b)))[1].against[0]
    expected = ttest_rel([2.5, 3.1, 4.2], [1, 2, 3]).confidence_interval()
    assert found.seeds == [1, 2, 4]
    assert (found.low, found.high) == pytest.approx(
        (expected.low, expected.high))
    assert found.verdict == BETTER


def test_runs_without_a_finite_metric_are_left_out():
    comparison = small(
        dict(a={
            0: 1.,
            1: 1.5
        }, b={
            0: 2.,
            1: float('nan'),
            2: float('inf')
        }))
    found = summaries(comparison)[1]
    assert found.seeds == [0] and found.left_out == [1, 2]
    assert found.mean == 2 and found.against[0].difference == 1
    assert [run.seed for run in counted('b', comparison)] == [0]


def test_opponents():
    comparison = small(dict(a={}, b={}, c={}), opponents=dict(c=['a', 'b']))
    assert [opponents_of(net, comparison) for net in 'abc'] == [[], ['a'],
                                                                ['a', 'b']]


def test_equal_time():
    comparison = demo()
    found = {summary.net: summary for summary in summaries(comparison)}
    assert [a.opponent for a in found[LONG].against] == [BASELINE, AS_LONG]
    by_net = {
        net: [run.metrics['mIoU'] for run in comparison.of(net)]
        for net in (LONG, AS_LONG)
    }
    difference = np.subtract(by_net[LONG], by_net[AS_LONG]).mean()
    assert found[LONG].against[1].difference == pytest.approx(difference)
    assert found[LONG].against[1].seconds_ratio == pytest.approx(1, abs=0.1)
    assert found['dbb_r18'].against[0].seeds == [0, 1, 2, 4]
    assert found[SINGLE].against[0].verdict == FEW
