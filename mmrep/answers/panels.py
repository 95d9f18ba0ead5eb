"""The panels of the picture of a comparison."""
from typing import List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from matplotlib.axes import Axes

from .curves import Curve, curve_of
from .numbers import unit_of
from .pairs import value_of
from .results import Comparison, Result

SPREAD = 0.5  # the seeds of a net lie side by side over this part of a place
FONT = 8


class Net(NamedTuple):
    """What is drawn of a net, and how."""

    place: int
    label: str
    colour: str
    marker: str
    runs: List[Result]
    mean: Optional[float]


def draw_seeds(axes: Axes, nets: Sequence[Net],
               comparison: Comparison) -> None:
    """Draw the runs of each net, with a line through those of a seed.

    Args:
        axes: The axes.
        nets: The nets.
        comparison: The comparison.
    """
    seeds = sorted({run.seed for net in nets for run in net.runs})
    at = {
        seed: SPREAD * ((i + 0.5) / len(seeds) - 0.5)
        for i, seed in enumerate(seeds)
    }
    for seed in seeds:
        line = [(net.place + at[seed], value_of(run, comparison))
                for net in nets for run in net.runs if run.seed == seed]
        axes.plot(*zip(*line), color='0.8', linewidth=0.7, zorder=1)
    for net in nets:
        _dots(axes, net, [(net.place + at[run.seed], value_of(run, comparison))
                          for run in net.runs])
        if net.mean is not None:
            left, right = net.place - 0.4, net.place + 0.4
            axes.hlines(net.mean, left, right, net.colour, lw=2, zorder=2)
    axes.set_xticks([net.place for net in nets],
                    [str(net.place + 1) for net in nets])
    axes.set_xlim(-0.6, len(nets) - 0.4)
    _name(axes, 'deployed: each seed, and the mean',
          'number of the net; thin lines join the runs of a seed', comparison)


def draw_curves(axes: Axes, nets: Sequence[Net],
                comparison: Comparison) -> None:
    """Draw the mean over seeds, in a band of one standard deviation.

    Args:
        axes: The axes.
        nets: The nets.
        comparison: The comparison.
    """
    curves = [curve_of(net.runs, comparison.metric) for net in nets]
    for net, curve in zip(nets, curves):
        if curve is None:
            continue
        look = dict(color=net.colour, marker=net.marker)
        axes.plot(curve.iterations, curve.means, ms=3, lw=1.2, **look)
        if curve.stds is not None:
            low, high = curve.means - curve.stds, curve.means + curve.stds
            axes.fill_between(
                curve.iterations, low, high, color=net.colour, alpha=.12, lw=0)
    if all(curve is None for curve in curves):
        middle = dict(transform=axes.transAxes, ha='center')
        axes.text(.5, .5, 'no validation measured it', color='.4', **middle)
        axes.set(xticks=[], yticks=[])
    _look_at_the_later(axes, [curve for curve in curves if curve])
    _name(axes, 'while it trains: mean \u00b1 standard deviation',
          'iteration of the training', comparison)


def _look_at_the_later(axes: Axes, curves: Sequence[Curve]) -> None:
    """Set the height to that of the later halves, where nets differ little."""
    values = []
    for curve in curves:
        later = curve.iterations >= curve.iterations[-1] / 2
        spread = 0 if curve.stds is None else curve.stds[later]
        values += [curve.means[later] - spread, curve.means[later] + spread]
    if not values:
        return
    low, high = (f(np.concatenate(values)) for f in (np.min, np.max))
    edge = 0.1 * (high - low)
    if edge:
        axes.set_ylim(low - edge, high + edge)


def draw_costs(axes: Axes, nets: Sequence[Net],
               comparison: Comparison) -> None:
    """Draw the metric against the time of training.

    Args:
        axes: The axes.
        nets: The nets.
        comparison: The comparison.
    """
    unit, seconds = unit_of(run.seconds for net in nets for run in net.runs)
    for net in nets:
        points = [(run.seconds / seconds, value_of(run, comparison))
                  for run in net.runs]
        _dots(axes, net, points)
        _mean(axes, net, points)
    longest = max((run.seconds for net in nets for run in net.runs), default=1)
    axes.set_xlim(0, 1.08 * longest / seconds or 1)
    _name(axes, 'deployed: against cost, mean \u00b1 standard deviation',
          f'time of training, {unit}', comparison)


def _dots(axes: Axes, net: Net, points: List[Tuple[float, float]]) -> None:
    if points:
        x, y = zip(*points)
        look = dict(color=net.colour, marker=net.marker, alpha=0.6)
        axes.scatter(x, y, s=24, lw=0, zorder=3, **look)


def _mean(axes: Axes, net: Net, points: List[Tuple[float, float]]) -> None:
    """Draw a mean with the standard deviations both ways."""
    if not points:
        return
    x, y = np.mean(points, 0)
    xerr, yerr = np.std(points, 0, ddof=1) if len(points) > 1 else (0, 0)
    axes.errorbar(
        x, y, yerr, xerr, net.marker, color=net.colour, ms=7, elinewidth=1.2)


def _name(axes: Axes, title: str, across: str, comparison: Comparison) -> None:
    axes.set_title(title, fontsize=FONT + 1, loc='left')
    axes.set_xlabel(across, fontsize=FONT)
    axes.set_ylabel(comparison.metric, fontsize=FONT)
    axes.tick_params(labelsize=FONT)
    axes.spines[['right', 'top']].set_visible(False)
