"""The panels show the numbers of the runs."""
import numpy as np
import pytest
from matplotlib.figure import Figure

from mmrep.answers.panels import Net, draw_costs, draw_curves, draw_seeds

from .demo import demo, run, small


def drawn(draw, comparison):
    """Return the axes of a panel with nets 'a', 'b' ..."""
    nets = [
        Net(i, f'{i}', f'C{i}', 'o', comparison.of(name),
            np.mean([r.metrics['mIoU'] for r in comparison.of(name)]))
        for i, name in enumerate(comparison.nets)
    ]
    axes = Figure().subplots()
    draw(axes, nets, comparison)
    return axes


def test_seeds():
    """Runs of a seed have the same place within their nets, and a line."""
    axes = drawn(draw_seeds, small(dict(a={0: 1., 1: 2.}, b={1: 3.})))
    lines = [line.get_xydata().tolist() for line in axes.lines]
    assert lines == [[[-.125, 1.]], [[.125, 2.], [1.125, 3.]]]
    points = [c.get_offsets().tolist() for c in axes.collections[::2]]
    assert points == [[[-.125, 1.], [.125, 2.]], [[1.125, 3.]]]
    means = [
        c.get_segments()[0][:, 1].tolist() for c in axes.collections[1::2]
    ]
    assert means == [[1.5, 1.5], [3., 3.]]
    assert [t.get_text() for t in axes.get_xticklabels()] == ['1', '2']


def test_curves():
    comparison = demo()
    axes = drawn(draw_curves, comparison)
    assert len(axes.lines) == 6
    assert len(axes.collections) == 5  # one net has a single seed
    first = [r.curve[0].metrics['mIoU'] for r in comparison.of('plain_r18')]
    assert axes.lines[0].get_ydata()[0] == pytest.approx(np.mean(first))
    band = axes.collections[0].get_paths()[0].vertices
    at_first = band[band[:, 0] == 200, 1]
    assert np.ptp(at_first) == pytest.approx(2 * np.std(first, ddof=1))


def test_the_later_halves_fill_the_height():
    comparison = demo()
    axes = drawn(draw_curves, comparison)
    low, high = axes.get_ylim()
    ends = [line.get_ydata()[-1] for line in axes.lines]
    assert low < min(ends) and max(ends) < high
    starts = [line.get_ydata()[0] for line in axes.lines]
    assert min(starts) < low  # the first steps of a training are all alike


def test_no_curves():
    axes = drawn(draw_curves, small(dict(a={0: 1.})))
    assert axes.texts[0].get_text() == 'no validation measured it'


def test_costs():
    comparison = small(dict(a={}))
    comparison.results[:] = [
        run('a', 0, 1., seconds=600.),
        run('a', 1, 3., seconds=1200.)
    ]
    axes = drawn(draw_costs, comparison)
    assert axes.collections[0].get_offsets().tolist() == [[10, 1], [20, 3]]
    mean = axes.containers[0]
    assert mean.lines[0].get_xydata().tolist() == [[15, 2]]
    assert axes.get_xlabel() == 'time of training, min'
    assert axes.get_xlim() == (0, pytest.approx(21.6))
