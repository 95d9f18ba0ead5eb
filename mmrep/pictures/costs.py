"""A picture of the cost of training steps, or of forms in inference."""
import os.path as osp
from typing import Dict, List, Sequence, Tuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's: all people can tell them apart
COLOURS = {
    'forward': '#0072B2',
    'backward': '#E69F00',
    'optimizer': '#009E73',
    'seconds': '#0072B2',
    'memory': '#999999',
}
PARTS = ('forward', 'backward', 'optimizer')
# inches
BAR, FRAME, WIDTH, CHARACTER = 0.42, 1.6, 3.6, 0.075

Rows = Sequence[dict]


def draw_costs(title: str, rows: Rows) -> Figure:
    """Draw a bar for each row: its time and, if known, its peak memory.

    Args:
        title: Title above the picture.
        rows: Rows as :mod:`mmrep.measure.comparison` makes them.
    """
    has_memory = 'memory' in rows[0]
    names = [_name(row) for row in rows]
    label = 0.4 + CHARACTER * max(map(len, names))
    size = (label + WIDTH * (1 + has_memory), FRAME + BAR * len(rows))
    figure = Figure(figsize=size)
    figure.suptitle(title, x=0.02, ha='left', fontsize=9)
    panels = figure.subplots(1, 1 + has_memory, sharey=True, squeeze=False)[0]
    figure.subplots_adjust(label / size[0], 0.55 / size[1], 0.98,
                           1 - 0.8 / size[1])
    _draw_times(panels[0], rows)
    panels[0].set_yticks(range(len(rows)), names, fontsize=8)
    panels[0].set_ylim(len(rows) - 0.5, -0.5)
    if has_memory:
        _draw_memory(panels[1], rows)
    return figure


def _name(row: dict) -> str:
    name = osp.splitext(osp.basename(row['config']))[0]
    return ', '.join(
        [name, *(row[key] for key in ('form', 'moment') if key in row)])


def _draw_times(axes: Axes, rows: Rows) -> None:
    parts = [part for part in PARTS if part in rows[0]] or ['seconds']
    _draw_bars(axes, {part: [row[part] for row in rows] for part in parts})
    _label(
        axes,
        [(row['seconds'], f"{row['seconds']:.3g} s, {row['ratio']:.2f}\u00d7")
         for row in rows])
    axes.set_xlabel('seconds', fontsize=8)
    if len(parts) > 1:
        axes.legend(
            ncols=len(parts),
            loc='lower left',
            bbox_to_anchor=(0, 1),
            fontsize=8,
            frameon=False)


def _draw_memory(axes: Axes, rows: Rows) -> None:
    peaks = [row['memory'] / 2**20 for row in rows]
    _draw_bars(axes, dict(memory=peaks))
    _label(axes, [(peak, f"{peak:.0f}, {row['memory_ratio']:.2f}\u00d7")
                  for peak, row in zip(peaks, rows)])
    axes.set_xlabel('peak memory of a step, MiB', fontsize=8)


def _draw_bars(axes: Axes, parts: Dict[str, List[float]]) -> None:
    """Draw bars one below the other, with the parts of each end to end."""
    ends = [0.0] * len(next(iter(parts.values())))
    for part, values in parts.items():
        axes.barh(
            range(len(values)),
            values,
            0.65,
            ends,
            label=part,
            color=COLOURS[part])
        ends = [end + value for end, value in zip(ends, values)]
    axes.spines[['right', 'top']].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.locator_params(axis='x', nbins=6)


def _label(axes: Axes, labels: Sequence[Tuple[float, str]]) -> None:
    """Write at the ends of bars, and leave room for the text."""
    axes.set_xlim(0, 1.4 * max(end for end, _ in labels))
    for y, (end, text) in enumerate(labels):
        axes.text(end, y, f' {text}', va='center', fontsize=8)
