"""Tests of the reading of pages, which the other tests need."""
import pytest

from .pages import anchors, blocks, commands, links, prose, spread

PAGE = '''# Use a block, `by config`

See [there](other.md#a-part) and ![this](a.png).

```python
a = 1
```

```
python tools/x.py A \\
    --b  # why --not
```
'''


@pytest.fixture
def page(tmp_path):
    path = tmp_path / 'page.md'
    path.write_text(PAGE)
    return path


def test_blocks(page):
    block, = blocks(page, 'python')
    assert (block.text, block.line) == ('a = 1\n', 6)
    assert 'a = 1' not in prose(page)


def test_commands(page):
    assert list(commands(page)) == [['python', 'tools/x.py', 'A', '--b']]


def test_links_and_anchors(page):
    assert links(page) == ['other.md#a-part', 'a.png']
    assert anchors(page) == ['use-a-block-by-config']


def test_spread():
    assert spread('a_{b,c}_{d,e}') == ['a_b_d', 'a_b_e', 'a_c_d', 'a_c_e']
