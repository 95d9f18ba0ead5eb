"""The report of a comparison: a page of its own, with its table and data."""
import os
import os.path as osp
from functools import partial
from html import escape
from pathlib import Path
from typing import Dict, List, Sequence

from ..atomic import write_json, write_together
from ..cli.outputs import check_folder
from ..errors import UserError
from ..export.onnx_session import need
from ..pictures.files import as_svg, save
from .answer import answers, notes
from .numbers import NONE, PLUS_MINUS
from .pairs import BETTER, WORSE
from .pictures import draw_comparison
from .results import Comparison
from .rows import NET, TEXTS, VERDICTS, rows_of
from .skeleton import PAGE
from .statistics import PACKAGES, Summary, summaries
from .tables import data_of, markdown_of, title_of, versions

LABEL = ('The runs of each net, their learning curves, and the metric against '
         'the time of training; the table below has the numbers.')


def write_report(comparison: Comparison, folder: str) -> None:
    """Write a page, its table, its numbers and its picture, all or none.

    They are ``index.html``, which needs no other file, ``table.md``,
    ``results.json``, ``compare.png`` and ``compare.svg``.

    Args:
        comparison: The comparison.
        folder: The folder, which may be missing.

    Raises:
        UserError: The folder cannot be written, a run lacks the metric, or
            matplotlib or scipy is not installed.
    """
    need(PACKAGES)
    check_folder(folder, '--report')
    found = summaries(comparison)
    figure, tall = (
        draw_comparison(comparison, found, across) for across in (True, False))
    svg = as_svg(figure)
    texts = {
        'index.html': page_of(comparison, found, svg, as_svg(tall)),
        'table.md': markdown_of(comparison, found),
        'compare.svg': svg,
    }
    writers = {name: partial(_write, text) for name, text in texts.items()}
    writers['results.json'] = partial(write_json, data_of(comparison, found))
    writers['compare.png'] = partial(save, figure, 'png')
    _make(folder)
    write_together({osp.join(folder, name): w for name, w in writers.items()})


def page_of(comparison: Comparison, found: Sequence[Summary], wide: str,
            narrow: str) -> str:
    """Return the page.

    Args:
        comparison: The comparison.
        found: The summaries of its nets.
        wide: The picture for wide screens, as the text of an svg file.
        narrow: That for narrow screens.
    """
    return PAGE.substitute(
        title=escape(title_of(comparison)),
        label=escape(LABEL),
        answers=_answers(found),
        wide=_element(wide),
        narrow=_element(narrow),
        table=_table(rows_of(comparison, found)),
        sections='\n'.join(_sections(comparison, found)))


def _answers(found: Sequence[Summary]) -> str:
    items = []
    for summary, text in zip(found, answers(found)):
        name, rest = summary.net, text[len(summary.net):]
        items.append(f'<strong>{escape(name)}</strong>{escape(rest)}')
    return _list(items, 'answers')


def _element(svg: str) -> str:
    """Return a picture without what a file has before it."""
    return svg[svg.index('<svg'):].rstrip()


def _table(rows: List[Dict[str, str]]) -> str:
    head = ''.join(f'<th scope="col"{_class(["text"] * (column in TEXTS))}>'
                   f'{escape(column)}</th>' for column in rows[0])
    body = '\n'.join(f'<tr>{"".join(map(_cell, row, row.values()))}</tr>'
                     for row in rows)
    return (f'<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n'
            '</tbody>\n</table>')


def _cell(column: str, text: str) -> str:
    if column == NET:
        return f'<th scope="row" class="text">{escape(text)}</th>'
    shown = escape(text).replace(f'{PLUS_MINUS} ', f'{PLUS_MINUS}&nbsp;')
    if column in VERDICTS and text in (BETTER, WORSE):
        shown = f'<span class="{text}">{shown}</span>'
    kinds = ['text'] * (column in TEXTS) + ['none'] * (text == NONE)
    label = escape(column)
    return f'<td{_class(kinds)} data-label="{label}">{shown}</td>'


def _class(kinds: Sequence[str]) -> str:
    return f' class="{" ".join(kinds)}"' if kinds else ''


def _sections(comparison: Comparison, found: Sequence[Summary]) -> List[str]:
    """Return what stands below the table, without empty sections."""
    parts = [
        _section('Failed runs', _failures(comparison.failures)),
        _section('How the configs differ from the baseline', ''.join(
            f'<h3>{escape(net)}</h3>\n<pre>{_lines(lines)}</pre>\n'
            for net, lines in comparison.differences.items() if lines)),
        _section('Notes', _list(map(escape, notes(comparison, found)))),
        _section('Command', f'<pre>{escape(comparison.command)}</pre>'
                 if comparison.command else ''),
        _section('Versions', f'<p>{escape(_versions())}</p>'),
    ]  # yapf: disable
    return [part for part in parts if part]


def _failures(failures: Dict[str, str]) -> str:
    """Name together the runs that have failed alike."""
    runs = {}
    for run, why in failures.items():
        runs.setdefault(why, []).append(run)
    return ''.join(f'<h3>{escape("; ".join(names))}</h3>\n'
                   f'<pre>{escape(why)}</pre>\n'
                   for why, names in runs.items())


def _section(title: str, content: str) -> str:
    return f'<h2>{title}</h2>\n{content.rstrip()}' if content else ''


def _list(items: Sequence[str], kind: str = 'notes') -> str:
    lines = '\n'.join(f'<li>{item}</li>' for item in items)
    return f'<ul class="{kind}">\n{lines}\n</ul>'


def _lines(lines: Sequence[str]) -> str:
    return escape('\n'.join(lines))


def _versions() -> str:
    return ', '.join(map(' '.join, versions().items()))


def _make(folder: str) -> None:
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise UserError(f'cannot make the folder of --report (={folder!r}): '
                        f'{error.strerror}') from error


def _write(text: str, path: str) -> None:
    """Write a text; names of files may have bytes that are no text."""
    Path(path).write_text(text, encoding='utf-8', errors='backslashreplace')
