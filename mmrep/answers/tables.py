"""The table of a comparison: for the terminal, in Markdown and as data."""
import math
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Dict, Sequence

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from ..compat.versions import RANGES
from ..version import __version__
from .answer import answers, failures, notes
from .numbers import PLUS_MINUS
from .pairs import CONFIDENCE
from .results import Comparison
from .rows import (DEPLOYED, DIFFERENCE, EQUAL_TIME, EQUAL_VERDICT, NET,
                   PARAMETERS, RATIO, TEXTS, TRAINING, VERDICT, rows_of)
from .statistics import Summary

# a terminal is narrow: these columns share one
BELOW = {
    DIFFERENCE: VERDICT,
    EQUAL_TIME: EQUAL_VERDICT,
    TRAINING: RATIO,
    PARAMETERS: DEPLOYED,
}


def table_of(comparison: Comparison, found: Sequence[Summary]) -> Table:
    """Return the table for the terminal, with cells of several lines.

    Args:
        comparison: The comparison.
        found: The summaries of its nets.
    """
    rows = rows_of(comparison, found)
    table = Table(
        title=escape(title_of(comparison)),
        box=SIMPLE_HEAD,
        padding=(0, 1, 1, 0))
    columns = [column for column in rows[0] if column not in BELOW.values()]
    for column in columns:
        table.add_column(
            _stacked(column, dict(zip(rows[0], rows[0]))),
            justify='left' if column in TEXTS else 'right',
            overflow='fold')
    for row in rows:
        table.add_row(*(_stacked(column, row) for column in columns))
    return table


def markdown_of(comparison: Comparison, found: Sequence[Summary]) -> str:
    """Return the table in Markdown, with its notes below.

    Args:
        comparison: The comparison.
        found: The summaries of its nets.
    """
    rows = rows_of(comparison, found)
    columns = list(rows[0])
    lines = [columns, [':--' if c in TEXTS else '--:' for c in columns]]
    lines += [list(row.values()) for row in rows]
    table = [f"| {' | '.join(map(_cell, line))} |" for line in lines]
    below = [*notes(comparison, found), *failures(comparison)]
    items = [f'- {_cell(text)}' for text in below]
    return '\n'.join([_cell(title_of(comparison)), '', *table, '', *items, ''])


def data_of(comparison: Comparison,
            found: Sequence[Summary]) -> Dict[str, Any]:
    """Return all numbers, unrounded, as data for json.

    The data of ``Comparison`` stand at the top, with all results and curves.
    A number that is not finite becomes None, since json has none.

    Args:
        comparison: The comparison.
        found: The summaries of its nets.
    """
    return _finite({
        **asdict(comparison),
        'interval':
        dict(confidence=CONFIDENCE, method='paired t'),
        'summaries': [asdict(summary) for summary in found],
        'answers':
        answers(found),
        'table':
        rows_of(comparison, found),
        'all_notes':
        notes(comparison, found),
        'versions':
        versions(),
    })


def title_of(comparison: Comparison) -> str:
    """Return a title: the metric, and which way is good."""
    way = 'lower' if comparison.lower_is_better else 'higher'
    return f'{comparison.metric} of the deployed nets ({way} is better)'


def versions() -> Dict[str, str]:
    """Return the versions of mmrep and of what it runs on."""
    found = dict(mmrep=__version__)
    for name in RANGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _stacked(column: str, row: Dict[str, str]) -> str:
    """Return a cell with that of the column that belongs below it."""
    text = row[column]
    if column != NET:
        for space in ('; ', ' [', f' {PLUS_MINUS}'):
            text = text.replace(space, f'\n{space.strip("; ")}')
    below = BELOW.get(column)
    return escape(f'{text}\n{row[below]}' if below in row else text)


def _cell(text: str) -> str:
    """Return a text for a line of Markdown, without a meaning of its own."""
    for old, new in (('\\', '\\\\'), ('|', '\\|'), ('<', '&lt;')):
        text = text.replace(old, new)
    return ' '.join(text.split())


def _finite(data: Any) -> Any:
    """Return plain data with None in place of nan and infinity."""
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_finite(value) for value in data]
    is_number = isinstance(data, float)
    return None if is_number and not math.isfinite(data) else data
