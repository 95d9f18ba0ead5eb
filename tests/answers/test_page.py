"""The page needs no other file, and names in it are text."""
import json
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from mmrep.answers.page import page_of, write_report
from mmrep.answers.pictures import draw_comparison
from mmrep.answers.statistics import summaries
from mmrep.pictures.files import as_svg

from ..refusals import contents, sentence
from .demo import LONG, demo, expected, small

EVIL = '<script src="http://x.org/a.js">alert("&amp;")</script>\'$title'
FILES = {'index.html', 'table.md', 'results.json', 'compare.png',
         'compare.svg'}  # yapf: disable
VOID = ('meta', 'br', 'img', 'link', 'hr')
BROWSERS = ('chromium', 'chromium-browser', 'google-chrome', 'chrome')


class Page(HTMLParser):
    """A page's tags, attributes and text; each tag must be closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('reports') / 'new' / 'report'
    write_report(demo(), str(folder))
    return folder


@pytest.fixture(scope='module')
def evil():
    comparison = small({'plain': {0: 1.}, EVIL: {0: 2.}},
                       failures={EVIL: EVIL}, differences={EVIL: [EVIL]},
                       notes=[EVIL], command=EVIL)  # yapf: disable
    found = summaries(comparison)
    svg = as_svg(draw_comparison(comparison, found))
    return page_of(comparison, found, svg, svg)


def test_files(folder):
    assert set(os.listdir(folder)) == FILES
    data = json.loads((folder / 'results.json').read_text())
    assert len(data['results']) == 25
    assert cv2.imread(str(folder / 'compare.png')).shape[1] > 1000
    ElementTree.parse(folder / 'compare.svg')
    assert '| plain_r18 | 5 |' in (folder / 'table.md').read_text('utf-8')


def test_page_tells_all(folder):
    page = Page((folder / 'index.html').read_text('utf-8'))
    text = '\n'.join(page.texts)
    comparison = demo()
    for part in (*comparison.failures, *comparison.failures.values(),
                 *comparison.notes, *comparison.differences['dbb_r18'],
                 comparison.command, 'torch 2', 'paired t distribution'):
        assert part in text
    mean, low, high = expected(comparison, LONG, 'plain_r18')
    assert (f': better: {mean:+.2f} ({low:+.2f} to {high:+.2f}) over 5 pairs '
            'of seeds') in text
    assert page.texts.count(LONG) == 3  # answer, table, differences
    assert page.tags.count('tr') == 7 and page.tags.count('svg') == 2


@pytest.mark.parametrize('page', ['folder', 'evil'])
def test_page_loads_nothing(page, request):
    text = request.getfixturevalue(page)
    if page == 'folder':
        text = (text / 'index.html').read_text('utf-8')
    page = Page(text)
    assert not {'script', 'link', 'img', 'iframe', 'object'} & set(page.tags)
    links = [value for name, value in page.attributes
             if re.search('src|href|action|data$', name)]  # yapf: disable
    assert links and all(link.startswith('#') for link in links)
    assert '@import' not in text and not re.search(r'url\((?!#)', text)
    policy = dict(page.attributes)['content']
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_names_are_text(evil):
    page = Page(evil)
    assert page.texts.count(EVIL) == 8
    for svg in re.findall('<svg.*?</svg>', evil, re.DOTALL):
        ElementTree.fromstring(svg)


def test_nothing_but_a_baseline():
    """Sections without content are left out."""
    comparison = small(dict(a={0: 1.}))
    text = page_of(comparison, summaries(comparison), '<svg/>', '<svg/>')
    heads = re.findall('<h2>(.*?)</h2>', text)
    assert heads == ['Answer', 'Picture', 'Table', 'Notes', 'Versions']


def test_all_files_or_none(folder, monkeypatch):
    before = contents(folder)
    monkeypatch.setattr('mmrep.answers.page.as_svg', lambda _: '<svg/>')
    monkeypatch.setattr('mmrep.answers.page.save', _full)
    message = sentence(write_report, small(dict(a={0: 1.})), str(folder))
    assert 'No space left' in message
    assert contents(folder) == before


def test_folder_that_cannot_be(tmp_path, monkeypatch):
    monkeypatch.setattr('mmrep.answers.page.as_svg', lambda _: '<svg/>')
    (tmp_path / 'file').write_text('')
    for name in ('file', 'file/x'):
        message = sentence(write_report, demo(), str(tmp_path / name))
        assert '--report' in message and 'must be a folder' in message
    (tmp_path / 'index.html').mkdir()
    message = sentence(write_report, small(dict(a={})), str(tmp_path))
    assert 'it is no regular file' in message
    assert set(os.listdir(tmp_path)) == {'file', 'index.html'}


def test_packages(monkeypatch, tmp_path):
    monkeypatch.setattr('mmrep.export.onnx_session.find_spec', lambda _: None)
    message = sentence(write_report, demo(), str(tmp_path / 'x'))
    assert message == ('matplotlib and scipy cannot be imported: pip install '
                       'matplotlib scipy')
    assert not (tmp_path / 'x').exists()


def test_chromium(folder, tmp_path):
    """Nothing is wider than the screen: both margins stay empty."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None or subprocess.run([browser, '--version']).returncode:
        pytest.skip('no Chromium')
    frame = '<iframe src="{}" style="width:{}px;height:900px;border:0">' \
        '</iframe>'
    frames = [frame.format(folder / 'index.html', w) for w in (1200, 400)]
    (tmp_path / 'frames.html'
     ).write_text(f'<body style="margin:0;display:flex">{"".join(frames)}')
    subprocess.run([
        browser, '--headless', '--no-sandbox', '--disable-gpu',
        '--hide-scrollbars', f'--user-data-dir={tmp_path}/profile',
        '--window-size=1600,900', f'--screenshot={tmp_path}/page.png',
        f'file://{tmp_path}/frames.html'
    ], check=True, timeout=60, capture_output=True)  # yapf: disable
    image = cv2.imread(f'{tmp_path}/page.png')
    for left, right in ((0, 1200), (1200, 1600)):
        page = image[:, left:right]
        assert np.ptp(page[:, 20:-20]) > 200  # something is drawn
        assert np.ptp(page[:, :8]) == np.ptp(page[:, -8:]) == 0


def _full(*args, **kwargs):
    raise OSError(28, 'No space left on device')
