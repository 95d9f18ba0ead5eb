"""Read the pages: their code blocks, their code spans, their links."""
import re
from pathlib import Path
from typing import Iterator, List, NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page for folder in ('.', 'docs', 'docs/api', 'configs')
    for page in (ROOT / folder).glob('*.md'))
# kind, text with its last newline
FENCE = re.compile(r'^```([^\n]*)\n(.*?)^```$', re.MULTILINE | re.DOTALL)
SPAN = re.compile(r'`([^`]+)`')
LINK = re.compile(r'!?\[[^\]]*\]\(([^)\s]+)\)')
BRACES = re.compile(r'(.*?)\{([^{}]*,[^{}]*)\}(.*)')


class Block(NamedTuple):
    """A fenced block; ``line`` is the number of its first line of code."""

    kind: str
    text: str
    line: int


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, *kinds: str) -> List[Block]:
    """Return the fenced blocks of these kinds, in order."""
    text = page.read_text(encoding='utf-8')
    found = [
        Block(match[1].strip(), match[2],
              text[:match.start(2)].count('\n') + 1)
        for match in FENCE.finditer(text)
    ]
    return [block for block in found if block.kind in kinds]


def prose(page: Path) -> str:
    """Return the page without its fenced blocks."""
    return FENCE.sub('', page.read_text(encoding='utf-8'))


def commands(page: Path) -> Iterator[List[str]]:
    """Return the words of each line of the blocks that are not Python."""
    for block in blocks(page, '', 'bash', 'sh', 'shell', 'console'):
        for line in block.text.replace('\\\n', ' ').splitlines():
            yield line.partition('#')[0].split()


def code(page: Path) -> str:
    """Return all code of a page, a span or a block per line."""
    fenced = [match[2] for match in FENCE.finditer(page.read_text())]
    return '\n'.join(SPAN.findall(prose(page)) + fenced)


def links(page: Path) -> List[str]:
    return LINK.findall(prose(page))


def anchors(page: Path) -> List[str]:
    """Return the ends of links to headings of a page."""
    headings = re.findall(r'^#+ (.+)$', prose(page), re.MULTILINE)
    plain = [re.sub(r'[^\w\- ]', '', heading.lower()) for heading in headings]
    return [heading.replace(' ', '-') for heading in plain]


def spread(word: str) -> List[str]:
    """Expand ``a{b,c}`` as a shell does, to ``ab`` and ``ac``."""
    match = BRACES.match(word)
    if not match:
        return [word]
    before, parts, after = match.groups()
    return [
        whole for part in parts.split(',')
        for whole in spread(before + part + after)
    ]
