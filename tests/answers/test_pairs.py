"""Intervals are those of scipy's paired t test and of tables."""
import math

import numpy as np
import pytest
from scipy.stats import ttest_rel

from mmrep.answers.pairs import (BETTER, FEW, SAME, WORSE, against, interval,
                                 value_of, verdict)

from ..refusals import sentence
from .demo import run, small


def pairs(own, others):
    return [(run('b', i, x), run('a', i, y))
            for i, (x, y) in enumerate(zip(own, others))]


@pytest.mark.parametrize('count', [2, 3, 5, 12])
def test_interval_is_that_of_a_paired_t_test(count):
    rng = np.random.default_rng(count)
    own, others = rng.normal(70, 1, (2, count))
    expected = ttest_rel(own, others).confidence_interval(0.95)
    assert interval(own - others) == pytest.approx(
        (expected.low, expected.high), rel=1e-12)


def test_interval_by_hand():
    """Two differences, 1 and 3: t(0.975, 1) is tan(0.475 pi)."""
    half = math.tan(0.475 * math.pi)  # the t of 1 is Cauchy's distribution
    assert half == pytest.approx(12.7062, abs=1e-4)
    assert interval([1., 3.]) == pytest.approx((2 - half, 2 + half))


def test_equal_differences_have_an_interval_without_width():
    assert interval([0.25] * 3) == (0.25, 0.25)
    assert interval([0., 0.]) == (0, 0)


@pytest.mark.parametrize(
    'low, high, higher, lower',
    [
        (.1, .2, BETTER, WORSE),
        (-.2, -.1, WORSE, BETTER),
        (-.1, .2, SAME, SAME),
        (0, .2, SAME, SAME),
        (-.2, 0, SAME, SAME),
        (0, 0, SAME, SAME),
        (.1, .1, FEW, FEW),
        (-.3, -.1 - .2, FEW, FEW),  # equal but for rounding
    ])
def test_verdict(low, high, higher, lower):
    assert verdict(low, high, False) == higher
    assert verdict(low, high, True) == lower


def test_against():
    """Differences 1, 2 and 3: mean 2, std 1, t(0.975, 2) = 4.30265."""
    comparison = small(dict(a={}, b={}))
    found = against(pairs([2, 4, 6], [1, 2, 3]), 'a', comparison)
    half = 4.302653 / math.sqrt(3)
    assert (found.low, found.high) == pytest.approx((2 - half, 2 + half))
    assert found.difference == 2 and found.seeds == [0, 1, 2]
    assert found.verdict == SAME and found.opponent == 'a'


def test_lower_is_better():
    nets = pairs([1., 1.1, 1.2], [2., 2.1, 2.3])
    for lower, expected in ((False, WORSE), (True, BETTER)):
        comparison = small(dict(a={}, b={}), lower_is_better=lower)
        found = against(nets, 'a', comparison)
        assert found.verdict == expected and found.difference < 0


def test_few_pairs_are_not_judged():
    comparison = small(dict(a={}, b={}))
    one = against(pairs([2], [1.5]), 'a', comparison)
    assert one.difference == 0.5 and one.verdict == FEW
    assert one.low is one.high is None
    none = against([], 'a', comparison)
    assert none.difference is none.seconds_ratio is None
    assert none.verdict == FEW and none.seeds == []


def test_ratio_of_times_is_by_pairs():
    """The mean of 2 and 3, while the ratio of the sums is 2.9."""
    nets = [(run(seconds=20.), run(seconds=10.)),
            (run(seed=1, seconds=300.), run(seed=1, seconds=100.))]
    comparison = small(dict(a={}))
    assert against(nets, 'a', comparison).seconds_ratio == 2.5
    nets = [(run(seconds=20.), run(seconds=0.))]
    assert against(nets, 'a', comparison).seconds_ratio is None


def test_a_run_without_the_metric():
    comparison = small(dict(a={0: 3.}))
    assert value_of(comparison.results[0], comparison) == 3
    lacking = run().of({**run('net', 4).plain(), 'metrics': dict(aAcc=1.)})
    assert sentence(value_of, lacking, comparison) == (
        "the metric (='mIoU') must be one of those of 'net', seed 4: aAcc")
