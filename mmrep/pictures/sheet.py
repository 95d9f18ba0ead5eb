"""The places and colours of things in a picture of blocks."""
import math
from typing import Dict, Iterator, Sequence

from matplotlib.axes import Axes

from .page import MARGIN, Page
from .rows import Row
from .weights import KERNEL

# Okabe and Ito's colours, then Tol's: all people can tell them apart
COLOURS = {
    KERNEL: '#555555',
    '1x1': '#0072B2',
    '1x1_kxk': '#D55E00',
    '1x1_average': '#009E73',
    '1xk': '#56B4E9',
    'kx1': '#E69F00',
    'identity': '#CC79A7',
    'average': '#117733',
    'prior': '#999933',
    'separable': '#882255',
    'product': '#44AA99',
    'stem': '#332288',
    'plain_stem': '#661100',
}
# inches
GAP, CELL, PAST = 0.25, 0.95, 5.5
ROW, TALL_ROW, PLAIN_ROW = 0.21, 0.29, 0.17
HEAD, FOOT, PANEL, HEADING = 1.15, 0.95, 2.3, 0.35
CHARACTER, INDENT, LABEL = 0.072, 0.2, 2.4
BAR = 0.5  # the longest bar; its number stands beside it
PER_ROW = 6  # panels of importances


def colours_of(branches: Sequence[str]) -> Dict[str, str]:
    """The colour of each branch, in the order of columns."""
    known = [name for name in COLOURS if name in branches]
    further = sorted(set(branches) - set(known))
    free = [c for name, c in COLOURS.items() if name not in (KERNEL, *known)]
    free = free or list(COLOURS.values())
    return {
        **{
            name: COLOURS[name]
            for name in known
        },
        **{
            name: free[i % len(free)]
            for i, name in enumerate(further)
        },
    }


class Sheet(Page):
    """A page with a table of blocks and panels below it.

    Attributes:
        middles: Middle of each row, in inches from the top of the table.
        label: Width of the names of rows, in inches.
        table: Width and height of the table, in inches.
        end: The last iteration; 0 where the picture has no past.
    """

    def __init__(self, rows: Sequence[Row], colours: Dict[str, str],
                 end: float) -> None:
        self.rows, self.colours, self.end = rows, colours, end
        has_past = end > 0
        self.row = TALL_ROW if has_past else ROW
        heights = [PLAIN_ROW if row.is_plain else self.row for row in rows]
        self.middles = [
            sum(heights[:i]) + height / 2 for i, height in enumerate(heights)
        ]
        self.label = max(
            LABEL, 0.1 + max(
                len(row.label) * CHARACTER + row.depth * INDENT
                for row in rows))
        self.table = (self.label + CELL * len(colours), sum(heights))
        panels = math.ceil((len(colours) - 1) / PER_ROW)
        width = 2 * MARGIN + self.table[0] + has_past * (GAP + PAST)
        height = HEAD + self.table[1] + FOOT + has_past * (
            HEADING + PANEL * (1 + panels))
        super().__init__((max(width, 9), height))

    def title(self, name: str, text: str) -> None:
        """Write the title above everything."""
        self.text(0.22, name, fontsize=12, weight='bold')
        self.text(0.47, text, fontsize=9)

    def note(self, text: str) -> None:
        """Write a note below the table."""
        top = HEAD + self.table[1] + 0.12
        self.text(top, text, fontsize=7.5, color='0.3')

    def heading(self, text: str) -> None:
        """Write a heading above the second row of panels."""
        top = HEAD + self.table[1] + FOOT + PANEL - 0.35
        self.text(top, text, fontsize=9)

    def table_axes(self) -> Axes:
        """Axes of the table, in inches."""
        axes = self._beside_rows(MARGIN, self.table[0])
        axes.set(xlim=(0, self.table[0]), xticks=[])
        axes.spines['bottom'].set_visible(False)
        return axes

    def lives_axes(self) -> Axes:
        """Axes with iterations across, and inches down the table."""
        axes = self._beside_rows(MARGIN + self.table[0] + GAP, PAST)
        return self._over_iterations(axes)

    def panels(self, row: int, count: int) -> Iterator[Axes]:
        """Axes side by side below the table, with iterations across."""
        width = (self.size[0] - 2 * MARGIN) / count
        top = HEAD + self.table[1] + FOOT + row * PANEL + HEADING * (row > 0)
        for i in range(count):
            axes = self.axes(MARGIN + i * width + 0.35, top, width - 0.5,
                             PANEL - 0.8)
            axes.spines[['right', 'top']].set_visible(False)
            yield self._over_iterations(axes)

    def _over_iterations(self, axes: Axes) -> Axes:
        axes.set_xlim(0, self.end)
        axes.set_xlabel('iteration', fontsize=8)
        axes.tick_params(labelsize=7)
        return axes

    def _beside_rows(self, left: float, width: float) -> Axes:
        axes = self.axes(left, HEAD, width, self.table[1])
        axes.set(ylim=(self.table[1], 0), yticks=[])
        axes.spines[['left', 'right', 'top']].set_visible(False)
        is_dark = False
        for row, y in zip(self.rows, self.middles):
            if row.depth == 0 and not row.is_plain:
                is_dark = not is_dark
            if is_dark and not row.is_plain:
                half = self.row / 2
                axes.axhspan(y - half, y + half, color='0.94', linewidth=0)
        return axes
