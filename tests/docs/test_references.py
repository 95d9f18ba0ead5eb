"""All that the pages name exists: files, headings, tools, options, API."""
import pkgutil
import re

import pytest

from .pages import (PAGES, ROOT, anchors, code, commands, links, name_of,
                    prose, spread)

FOLDERS = 'tools|configs|mmrep|tests|docs|requirements|\\.dev_scripts|\\.ci'
PATH = re.compile(rf'(?<![\w./:])(?:{FOLDERS})/[\w./*-]*')
OPTION = re.compile(r'(?<![\w-])--[a-z][\w-]*')
NAME = re.compile(r'(?<![\w./])mmrep(?:\.[A-Za-z_]\w*)+')
TOOLS = sorted((ROOT / 'tools').glob('*.py'))
each_page = pytest.mark.parametrize('page', PAGES, ids=name_of)


@pytest.fixture
def options(load_tool, capsys, monkeypatch):
    """Return a function that lists the options in a tool's help."""

    def options(name):
        tool = load_tool(name)
        if not hasattr(tool, 'parse_args'):
            return set()
        monkeypatch.setattr('sys.argv', [f'{name}.py', '--help'])
        with pytest.raises(SystemExit):
            tool.parse_args()
        return set(OPTION.findall(capsys.readouterr().out))

    return options


@each_page
def test_links(page):
    for link in links(page):
        target, _, anchor = link.partition('#')
        if '://' in target:
            continue
        there = page.parent / target if target else page
        assert there.exists(), f'{name_of(page)} links to {link}'
        assert not anchor or anchor in anchors(there), link


@each_page
def test_files(page):
    for words in map(str.split, code(page).splitlines()):
        for word in words:
            if '$' in word:  # a shell's variable
                continue
            for path in PATH.findall(' '.join(spread(word))):
                found = list(ROOT.glob(path.rstrip('.')))
                assert found, f'{name_of(page)} names {path}'


@each_page
def test_options_of_commands(page, options):
    for words in commands(page):
        tools = [w for w in words if re.fullmatch(r'tools/\w+\.py', w)]
        for tool in tools[:1]:
            known = options(tool[len('tools/'):-len('.py')])
            for option in OPTION.findall(' '.join(words)):
                assert option in known, f'{tool} has no {option}'


def test_options_in_prose(options):
    known = set().union(*(options(tool.stem) for tool in TOOLS))
    for page in PAGES:
        for span in re.findall(r'`(--[^`]+)`', prose(page)):
            named = set(OPTION.findall(span))
            assert named <= known, f'{name_of(page)} names {span}'


@each_page
def test_names_of_the_package(page):
    for name in NAME.findall(code(page)):
        pkgutil.resolve_name(name)


def test_index_has_every_page():
    index = ROOT / 'docs' / 'README.md'
    there = {page.name for page in (ROOT / 'docs').glob('*.md')}
    assert there - {index.name} <= set(links(index))


@pytest.mark.parametrize('tool', [
    'torch.fx.symbolic_trace', 'feature extractors', 'torch.onnx.export',
    'torch.export', 'pt2e', 'prepare_fx', 'prepare_qat', 'safetensors',
    'fully_shard', 'fuse_conv_bn', 'switch_to_deploy', 'efficient_conv_bn_eval'
])  # yapf: disable
def test_tools_of_others_have_a_row(tool):
    """The row says what they do with blocks, or to fuse first."""
    text = (ROOT / 'docs' / 'troubleshooting.md').read_text()
    rows = [x for x in text.splitlines() if x[:1] == '|' and tool in x]
    told, = {row.split('|')[2].strip() for row in rows}
    assert told
    if tool in ('torch.export', 'pt2e', 'prepare_fx', 'prepare_qat'):
        assert 'fuse first' in told
