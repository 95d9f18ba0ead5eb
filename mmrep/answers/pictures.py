"""The picture of a comparison: seeds, learning curves, metric against time."""
from typing import List, Sequence

import matplotlib
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .panels import Net, draw_costs, draw_curves, draw_seeds
from .results import Comparison
from .statistics import Summary, counted

# Okabe and Ito's and one of Tol's: all people can tell them apart. The
# baseline is the first; markers tell nets apart in print, too
COLOURS = ('#000000', '#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00',
           '#56B4E9', '#882255')
MARKERS = 'osD^vP*X<'  # one more, so that pairs last for 72 nets
# inches
PANEL, HEIGHT, LINE, CHARACTER = 4.3, 4.0, 0.2, 0.085
LONGEST = 60  # characters of a name in the legend


def draw_comparison(comparison: Comparison,
                    found: Sequence[Summary],
                    across: bool = True) -> Figure:
    """Draw the seeds of all nets, their learning curves and their cost.

    Args:
        comparison: The comparison.
        found: The summaries of its nets.
        across: True places the three panels side by side, False one below the
            other. Defaults to True.
    """
    nets = _nets(comparison, found)
    shape = (1, 3) if across else (3, 1)
    columns = _columns(nets, PANEL * shape[1])
    legend = LINE * -(-len(nets) // columns)
    size = (PANEL * shape[1], HEIGHT * shape[0] + legend)
    # names are no formulas
    with matplotlib.rc_context({'text.parse_math': False}):
        figure = Figure(figsize=size, layout='constrained')
        figure.get_layout_engine().set(h_pad=0.08)
        panels = figure.subplots(*shape).flat
        for draw, axes in zip((draw_seeds, draw_curves, draw_costs), panels):
            draw(axes, nets, comparison)
        figure.legend(
            handles=[_handle(net) for net in nets],
            loc='outside lower left',
            ncols=columns,
            fontsize=8,
            frameon=False)
    return figure


def _nets(comparison: Comparison, found: Sequence[Summary]) -> List[Net]:
    """Give each net a number, a colour and a marker."""
    return [
        Net(i, _label(i, summary.net),
            COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)],
            counted(summary.net, comparison), summary.mean)
        for i, summary in enumerate(found)
    ]


def _label(place: int, name: str) -> str:
    """Return a name as the legend shows it, after the number of the net."""
    shown = ''.join(c if c.isprintable() else '?' for c in name)
    if len(shown) > LONGEST:  # names of configs differ at either end
        shown = f'{shown[:LONGEST // 2]}\u2026{shown[-LONGEST // 2:]}'
    return f'{place + 1}  {shown}'


def _columns(nets: Sequence[Net], width: float) -> int:
    """Return the columns of the legend that the width has room for."""
    longest = max(len(net.label) for net in nets)
    return max(1, min(len(nets), int(width / (0.5 + CHARACTER * longest))))


def _handle(net: Net) -> Line2D:
    return Line2D([], [],
                  color=net.colour,
                  marker=net.marker,
                  markersize=5,
                  label=net.label)
