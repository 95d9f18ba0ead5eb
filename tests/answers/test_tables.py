"""Terminal, Markdown and json tell the same."""
import json

import pytest
from rich.console import Console

from mmrep.answers.results import Result
from mmrep.answers.statistics import summaries
from mmrep.answers.tables import (data_of, markdown_of, table_of, title_of,
                                  versions)
from mmrep.version import __version__

from .demo import LONG, demo, small


@pytest.mark.parametrize('width', [80, 120])
def test_table(width):
    """No cell is cut off, and names are no markup."""
    comparison = small({'a': {0: 1., 1: 1.}, '[bold]b': {0: 2., 1: 2.5}})
    console = Console(width=width)
    with console.capture() as found:
        console.print(table_of(comparison, summaries(comparison)))
    text = found.get()
    squeezed = ''.join(text.split())
    assert '[bold]b' in squeezed and 'nodifferenceseen' in squeezed
    assert '\u2026' not in text and 'mIoU' in squeezed


def test_markdown():
    comparison = small({
        'a|b': {0: 1., 1: 1.},
        '<i>': {0: 2., 1: 2.}
    }, failures={'<i>, seed 2': 'It\nended.'})  # yapf: disable
    lines = markdown_of(comparison, summaries(comparison)).splitlines()
    assert lines[0] == title_of(comparison)
    table = [line for line in lines if line.startswith('|')]
    assert len(table) == 4
    bars = {line.replace('\\|', '').count('|') for line in table}
    assert len(bars) == 1
    assert table[2].startswith('| a\\|b | 2 | 1.000 \u00b1 0.000 |')
    assert table[3].startswith('| &lt;i> | 2 |')
    assert lines[-1] == '- &lt;i>, seed 2: It ended.'


def test_data():
    """All that went in comes out of json again, unrounded."""
    comparison = demo()
    found = summaries(comparison)
    data = json.loads(json.dumps(data_of(comparison, found), allow_nan=False))
    assert [Result.of(r) for r in data['results']] == comparison.results
    assert data['summaries'][4]['against'][0]['low'] == found[4].against[0].low
    assert data['answers'][4].startswith(LONG)
    assert data['interval'] == dict(confidence=0.95, method='paired t')
    assert data['versions']['mmrep'] == __version__
    assert data['failures'] == comparison.failures


def test_json_has_no_nan():
    comparison = small(dict(a={0: 1., 1: float('nan')}))
    data = data_of(comparison, summaries(comparison))
    assert [r['metrics']['mIoU'] for r in data['results']] == [1., None]
    json.dumps(data, allow_nan=False)


def test_title():
    comparison = small(dict(a={}), lower_is_better=True)
    assert title_of(comparison) == (
        'mIoU of the deployed nets (lower is better)')


def test_versions():
    import torch
    assert versions()['torch'] == torch.__version__.split('+')[0] or (
        versions()['torch'] == torch.__version__)
    assert 'mmengine' in versions() or 'onedl-mmengine' in versions()
