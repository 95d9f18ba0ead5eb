"""A picture of a network's blocks, their branches and their past."""
import math
from typing import Dict, List, Sequence, Tuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..dyrep.importance import SMALL
from . import history as past
from .rows import Row, rows_of
from .sheet import BAR, CELL, INDENT, PER_ROW, Sheet, colours_of
from .weights import Block, Conv

TABLE = 'convolutions, indented the blocks inside'
NOTE = (
    'Numbers and bars: mean |gamma| of the last norm of a branch over that '
    "of the kxk's (OREPA: mean |scale| over the origin's).\n"
    'Bars are logarithmic, {:g} to {:g}.   \u25cf there, without such a '
    'weight   \u25be a block stands in it, its row is below')
IMPORTANCES = (
    'Importances after each event, a line per block; \u2716 where a branch '
    'was cut; dotted: {:g}, above which none is')
CUT = dict(marker='X', markersize=5, markeredgewidth=0.4)


def draw_structure(name: str,
                   summary: str,
                   convs: Sequence[Conv],
                   history: Sequence[dict] = (),
                   end: float = 0) -> Figure:
    """Draw the blocks of a network and, given a history, their past.

    Args:
        name: Title above the picture.
        summary: Line below the title.
        convs: All convolutions of a network.
        history: Records of DyRep's events.
        end: The last iteration of the training.
    """
    rows = rows_of(convs, past.blocks_in(history))
    columns = past.branches_in(history)
    for row in rows:
        columns += row.block.weights if row.block else ()
    has_past = bool(past.blocks_in(history))
    end = max(end, history[-1]['step']) if has_past else 0
    sheet = Sheet(rows, colours_of(columns), end)
    sheet.title(name, summary)
    _draw_table(sheet)
    if has_past:
        _draw_lives(sheet, history)
        _draw_costs(sheet, history)
        _draw_importances(sheet, history)
    return sheet.figure


def _draw_table(sheet: Sheet) -> None:
    axes, decades = sheet.table_axes(), _decades(sheet.rows)
    axes.text(0.05, -0.09, TABLE, fontsize=7.5, color='0.3')
    for row, y in zip(sheet.rows, sheet.middles):
        axes.text(
            0.05 + row.depth * INDENT,
            y,
            row.label,
            va='center',
            fontsize=6.5 if row.is_plain else 8,
            color='0.45' if row.block is None else 'black')
    for i, (branch, colour) in enumerate(sheet.colours.items()):
        left = sheet.label + i * CELL
        axes.text(left, -0.09, branch, fontsize=8, color=colour, weight='bold')
        for row, y in zip(sheet.rows, sheet.middles):
            if row.block and branch in row.block.weights:
                _draw_cell(axes, (left, y), row.block, branch, decades, colour)
    sheet.note(NOTE.format(*(10.0**n for n in decades)))


def _decades(rows: Sequence[Row]) -> Tuple[int, int]:
    """Powers of ten that bound all weights, within limits."""
    weights = [
        weight for row in rows if row.block
        for weight in row.block.weights.values()
        if weight and math.isfinite(weight)
    ]
    logs = [math.log10(weight) for weight in weights]
    low = math.floor(min(logs, default=0) - 1e-6)
    high = math.ceil(max(logs, default=0) - 1e-6)
    return max(min(low, -1), -5), min(max(high, 0), 5)


def _draw_cell(axes: Axes, place: Tuple[float, float], block: Block,
               branch: str, decades: Tuple[int, int], colour: str) -> None:
    left, y = place
    weight, (low, high) = block.weights[branch], decades
    text = '\u25cf' if weight is None else _number(weight)
    if weight and math.isfinite(weight):
        share = (math.log10(weight) - low) / (high - low)
        length = BAR * min(max(share, 0.02), 1)
        axes.barh(y, length, 0.1, left, color=colour)
        left += length
    if branch in block.nested:
        text += ' \u25be'
    axes.text(left + 0.03, y, text, va='center', fontsize=6.5, color='0.2')


def _number(weight: float) -> str:
    return f'{weight:.0f}' if 100 <= weight < 1e4 else f'{weight:.2g}'


def _draw_lives(sheet: Sheet, history: Sequence[dict]) -> None:
    """Draw a line for each branch while it existed, in its block's row."""
    axes = sheet.lives_axes()
    lanes = _lanes(past.branches_in(history), sheet)
    rows = {row.name: y for row, y in zip(sheet.rows, sheet.middles)}
    for life in past.lives(history, sheet.end):
        y = rows[life.block] + lanes[life.branch]
        axes.plot([life.start, life.stop], [y, y],
                  color=sheet.colours[life.branch],
                  linewidth=1.3,
                  solid_capstyle='butt')
    for record in history:
        for block, branch in past.cuts_of(record):
            y = rows[block] + lanes[branch]
            axes.plot(
                record['step'],
                y,
                color=sheet.colours[branch],
                markeredgecolor='white',
                **CUT)
        if record['grown'] is not None:
            axes.plot(
                record['step'], rows[record['grown']], 'k|', markersize=15)
    axes.legend(
        handles=_signs(), loc='lower right', bbox_to_anchor=(1, 1),
        ncols=3, fontsize=8, frameon=False)  # yapf: disable


def _lanes(branches: List[str], sheet: Sheet) -> Dict[str, float]:
    """The place of each branch's line in a row, from the middle."""
    ordered = [name for name in sheet.colours if name in branches]
    pitch = sheet.row * 0.8 / len(ordered)
    start = -pitch * (len(ordered) - 1) / 2
    return {name: start + i * pitch for i, name in enumerate(ordered)}


def _signs() -> List[Line2D]:
    cut = dict(CUT, markersize=7)
    return [
        Line2D([], [], color='0.3', label='a branch lives'),
        Line2D([], [],
               color='k',
               marker='|',
               markersize=11,
               linewidth=0,
               label='the block grows'),
        Line2D([], [], color='0.3', linewidth=0, label='it is cut', **cut),
    ]


def _draw_costs(sheet: Sheet, history: Sequence[dict]) -> None:
    costs = past.costs(history, sheet.end)
    for axes, title in zip(sheet.panels(0, len(costs)), costs):
        axes.plot(*zip(*costs[title]), color='black', linewidth=1)
        axes.set_title(title, fontsize=9)
        axes.ticklabel_format(useOffset=False)


def _draw_importances(sheet: Sheet, history: Sequence[dict]) -> None:
    """Draw a panel per branch with a line per block, on one scale."""
    sheet.heading(IMPORTANCES.format(SMALL))
    branches, panels = past.branches_in(history), []
    ordered = [name for name in sheet.colours if name in branches]
    for i in range(0, len(ordered), PER_ROW):
        places = sheet.panels(1 + i // PER_ROW, PER_ROW)
        for name, axes in zip(ordered[i:i + PER_ROW], places):
            _draw_panel(axes, history, name, sheet.colours[name])
            panels.append(axes)
    lows, highs = zip(*(axes.get_ylim() for axes in panels))
    for axes in panels:
        axes.set_ylim(min(lows), max(highs))


def _draw_panel(axes: Axes, history: Sequence[dict], branch: str,
                colour: str) -> None:
    axes.set_yscale('log')
    axes.set_title(branch, color=colour, fontsize=9, weight='bold')
    axes.axhline(SMALL, color='0.4', linewidth=0.8, linestyle=':')
    for points, cuts in past.importances_of(history, branch):
        axes.plot(
            *zip(*points), '.-', color=colour, linewidth=0.7, markersize=2)
        if cuts:
            axes.plot(*zip(*cuts), linewidth=0, color=colour, **CUT)
