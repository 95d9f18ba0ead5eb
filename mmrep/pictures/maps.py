"""Heat maps of the similarity of branches, and an overview of all blocks."""
import math
import os.path as osp
from typing import Dict, List

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .page import MARGIN, Page
from .similarity import Likeness

COLOURS = ('#0072B2', '#D55E00')  # of nets: Okabe and Ito's
MARKERS = ('o', 's')
# inches
MAP, LABEL, HEAD, GAP = 1.15, 0.62, 0.3, 0.25
TITLE, PLOT, HEADING, FOOT = 0.75, 1.5, 0.35, 0.6
CHARACTER = 0.062
PER_ROW = 6
NOTE = ('Each cell: the cosine between the kernels of two branches, with '
        'their scaling or norm; grey: a kernel is zero.')
MEAN = 'mean |cosine|\nof two branches'

Nets = Dict[str, List[Likeness]]


def draw_likenesses(title: str, nets: Nets) -> Figure:
    """Draw a map per block below an overview of all.

    Args:
        title: Title above the picture.
        nets: The blocks of one net or of two, by the name of the net. Blocks
            of the same name in two nets share a column of the overview.
    """
    names = list(dict.fromkeys(b.name for net in nets.values() for b in net))
    short = _shortened(names)
    rows = [math.ceil(len(net) / PER_ROW) for net in nets.values()]
    labels = 0.2 + CHARACTER * max(map(len, short.values()))
    cell = (LABEL + MAP + GAP, HEAD + MAP)
    height = sum(HEADING + n * cell[1] + GAP for n in rows)
    size = (2 * MARGIN + PER_ROW * cell[0],
            TITLE + PLOT + labels + height + FOOT)
    page = Page(size)
    page.text(0.2, title, fontsize=12, weight='bold')
    axes = page.axes(MARGIN + LABEL, TITLE, size[0] - 2 * MARGIN - LABEL, PLOT)
    _draw_overview(axes, nets, short)
    top = TITLE + PLOT + labels
    for (net, blocks), count in zip(nets.items(), rows):
        page.text(top, net, fontsize=9, weight='bold')
        for i, block in enumerate(blocks):
            left = MARGIN + LABEL + i % PER_ROW * cell[0]
            down = top + HEADING + HEAD + i // PER_ROW * cell[1]
            _draw_map(
                page.axes(left, down, MAP, MAP - 0.1), block,
                short[block.name])
        top += HEADING + count * cell[1] + GAP
    page.text(top + 0.2, NOTE, fontsize=8, color='0.3')
    return page.figure


def _shortened(names: List[str]) -> Dict[str, str]:
    """Names without the modules that all of them are in."""
    common = osp.commonprefix([name.split('.')[:-1] for name in names])
    start = sum(len(part) + 1 for part in common)
    return {name: name[start:].replace('branches.', '') for name in names}


def _draw_overview(axes: Axes, nets: Nets, short: Dict[str, str]) -> None:
    """Draw a line of means per net, with a column per block."""
    names = list(short)
    for (net, blocks), colour, marker in zip(nets.items(), COLOURS, MARKERS):
        places = [names.index(block.name) for block in blocks]
        axes.plot(
            places, [block.mean for block in blocks],
            marker,
            color=colour,
            linestyle='-',
            linewidth=0.8,
            markersize=4,
            label=net)
    axes.set_xticks(range(len(names)), short.values(), fontsize=7, rotation=90)
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_ylim(bottom=0)
    axes.set_ylabel(MEAN, fontsize=8)
    axes.tick_params(axis='y', labelsize=7)
    axes.grid(axis='y', color='0.9')
    axes.set_axisbelow(True)
    axes.spines[['right', 'top']].set_visible(False)
    if len(nets) > 1:
        axes.legend(
            loc='lower left',
            bbox_to_anchor=(0, 1),
            ncols=len(nets),
            fontsize=8,
            frameon=False)


def _draw_map(axes: Axes, block: Likeness, name: str) -> None:
    """Draw cosines from -1 to 1 as blue to red, with their numbers."""
    colours = matplotlib.colormaps['RdBu_r'].with_extremes(bad='0.8')
    axes.imshow(block.matrix, colours, vmin=-1, vmax=1, aspect='auto')
    count = len(block.branches)
    axes.set_yticks(range(count), block.branches, fontsize=6)
    axes.set_xticks([])
    axes.tick_params(length=0, pad=2)
    axes.set_title(
        f'{name[-30:]}   {block.mean:.2f}', fontsize=6.5, loc='left', pad=3)
    size = min(6, 36 / count)
    for i, row in enumerate(block.matrix.tolist()):
        for j, value in enumerate(row):
            if i != j and not math.isnan(value) and size > 3:
                axes.text(
                    j,
                    i,
                    _number(value),
                    ha='center',
                    va='center',
                    fontsize=size,
                    color='white' if abs(value) > 0.6 else 'black')


def _number(cosine: float) -> str:
    """A number without the zero in front, and without the sign of a zero."""
    return f'{round(cosine, 2) + 0.0:.2f}'.replace('0.', '.', 1)
