"""How long runs still take."""
from types import SimpleNamespace

import pytest

from mmrep.comparing.estimates import Estimate, in_words, seen


def job(net, seconds, left):
    """Return a job that runs for some seconds, and knows what is left."""
    return SimpleNamespace(
        run=SimpleNamespace(net=net), seconds=seconds, left=lambda: left)


def waiting(*nets):
    return [SimpleNamespace(net=net) for net in nets]


def test_nothing_is_known_before_the_first_iterations():
    assert Estimate(1).left(waiting('a'), [job('a', 3., None)]) is None


def test_by_the_first_iterations():
    # a run takes 100 s, of which this one has 90 before it; 2 others wait
    left = Estimate(1).left(waiting('a', 'b'), [job('a', 10., 90.)])
    assert left == pytest.approx(290.)


def test_finished_runs_tell_more():
    estimate = Estimate(2)
    for seconds in (50., 70.):
        estimate.add('a', seconds)
    estimate.add('b', 300.)
    left = estimate.left(waiting('a', 'b'), [job('b', 100., 20.)])
    assert left == pytest.approx((60. + 300. + 200.) / 2)


def test_a_run_that_is_slower_than_the_others():
    estimate = Estimate(1)
    estimate.add('a', 50.)
    assert estimate.left([], [job('a', 80., 80.)]) == 0.


def test_a_run_without_a_pace():
    assert seen(job('a', 20., None)) is None


@pytest.mark.parametrize('seconds, words', [
    (0.4, '0 s'), (59.4, '59 s'), (90, '2 min'), (3540, '59 min'),
    (3600, '1 h 00 min'), (2 * 3600 + 301, '2 h 05 min')])  # yapf: disable
def test_words(seconds, words):
    assert in_words(seconds) == words
