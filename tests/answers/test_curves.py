"""Learning curves are averaged where all seeds have values."""
import pytest

from mmrep.answers.curves import curve_of
from mmrep.answers.results import Point

from .demo import run

NAN = float('nan')


def curve(values, seed=0, metric='mIoU'):
    points = [Point(x, 1., {metric: y}) for x, y in values.items()]
    return run(seed=seed, curve=points)


def test_mean_and_spread():
    """1 and 3 have the mean 2 and the standard deviation 2**0.5."""
    found = curve_of([curve({5: 1., 10: 2.}), curve({5: 3., 10: 2.})], 'mIoU')
    assert found.iterations.tolist() == [5, 10]
    assert found.means.tolist() == [2, 2]
    assert found.stds.tolist() == pytest.approx([2**0.5, 0])


def test_one_seed_has_no_band():
    found = curve_of([curve({5: 1., 10: 2.}), run()], 'mIoU')
    assert found.means.tolist() == [1, 2] and found.stds is None


def test_other_iterations_are_interpolated():
    """The second has 3 at 5 and 4 at 10; nothing is known before 4."""
    runs = [curve({0: 9., 5: 1., 10: 2.}), curve({4: 2.8, 9: 3.8, 14: 4.8})]
    found = curve_of(runs, 'mIoU')
    assert found.iterations.tolist() == [4, 5, 9, 10]
    assert found.means[[1, 3]].tolist() == pytest.approx([2, 3])


def test_nothing_to_draw():
    assert curve_of([], 'mIoU') is curve_of([run()], 'mIoU') is None
    assert curve_of([curve({5: 1.}, metric='aAcc')], 'mIoU') is None
    apart = [curve({1: 1., 2: 1.}), curve({3: 1., 4: 1.})]
    assert curve_of(apart, 'mIoU') is None
    found = curve_of([curve({5: NAN, 10: 2.})], 'mIoU')
    assert found.iterations.tolist() == [10]
