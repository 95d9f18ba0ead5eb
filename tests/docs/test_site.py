"""The sources of the site: its navigation and its reference.

`make docs` builds it and refuses broken links; these run without MkDocs.
"""
import importlib
import inspect
import pkgutil
import re
from functools import lru_cache

import pytest
import yaml

from .pages import ROOT

DOCS = ROOT / 'docs'
ENTRY = re.compile(r'^::: (\S+)$', re.MULTILINE)
# pages that .dev_scripts/site_pages.py adds
ADDED = {'index.md', 'contributing.md', 'changelog.md', 'configs.md'}
ROOMS = ('mmrep', 'mmrep.backbones', 'mmrep.boxes', 'mmrep.checkpoints',
         'mmrep.deploy', 'mmrep.dyrep', 'mmrep.heads', 'mmrep.hooks',
         'mmrep.inference', 'mmrep.layers')
PUBLIC = [(room, name) for room in ROOMS
          for name in importlib.import_module(room).__all__
          if not name.startswith('_')]  # yapf: disable


class Loader(yaml.SafeLoader):
    """A loader of the file of MkDocs, which ignores its tags."""


Loader.add_multi_constructor('', lambda loader, tag, node: tag)


@pytest.fixture(scope='module')
def site():
    return yaml.load((ROOT / 'mkdocs.yml').read_text(), Loader)


def pages_in(nav):
    """Return the pages of a navigation at any depth."""
    if isinstance(nav, str):
        return [nav]
    parts = nav.values() if isinstance(nav, dict) else nav
    return [page for part in parts for page in pages_in(part)]


@lru_cache
def entries():
    """Return the paths of all entries of the reference."""
    pages = sorted((DOCS / 'api').glob('*.md'))
    paths = [p for page in pages for p in ENTRY.findall(page.read_text())]
    assert len(paths) == len(set(paths))
    return {path: pkgutil.resolve_name(path) for path in paths}


def test_navigation_has_every_page_once(site):
    named = pages_in(site['nav'])
    assert len(named) == len(set(named))
    there = {str(page.relative_to(DOCS)) for page in DOCS.rglob('*.md')}
    assert set(named) == there - {'README.md'} | ADDED


def test_builds_strictly(site):
    """A warning is an error, and links are checked."""
    assert site['strict'] is True
    assert set(site['validation']['links'].values()) == {'warn'}
    assert site['validation']['nav']['omitted_files'] == 'warn'


def test_asks_no_server(site):
    """Theme and plugins load nothing from elsewhere."""
    assert site['theme']['font'] is False
    assert not {'extra_css', 'extra_javascript'} & site.keys()
    handler = site['plugins'][1]['mkdocstrings']['handlers']['python']
    assert 'inventories' not in handler


@pytest.mark.parametrize(('room', 'name'), PUBLIC)
def test_reference_has_every_public_name(room, name):
    thing = getattr(importlib.import_module(room), name)
    if isinstance(thing, (str, tuple, list)):
        return  # a constant has no docstring
    found = entries()  # its own entry, or that of its module
    assert thing.__module__ in found or thing in found.values()


def test_entries_have_a_docstring():
    for path, thing in entries().items():
        assert inspect.getdoc(thing), path
