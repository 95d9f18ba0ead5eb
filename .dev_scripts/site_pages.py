"""Add pages outside docs/ to the site, and turn links into the site's own.

MkDocs reads one folder. This hook adds the other pages of the repository to
it, and the files that pages link to, and rewrites the links to them.
"""
import posixpath
import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[1]
DOCS = 'docs/'
FILES = 'files/'  # folder of the site for all other files
# the name on the site of each page, by its path in the repository
PAGES = {
    'README.md': 'index.md',
    'docs/README.md': 'index.md',  # the navigation replaces its table
    'CONTRIBUTING.md': 'contributing.md',
    'CHANGELOG.md': 'changelog.md',
    'configs/README.md': 'configs.md',
}
SOURCES = {name: path for path, name in reversed(PAGES.items())}
# matches code to skip it: its brackets are not links
LINK = re.compile(
    r'(?P<code>^```.*?^```$|`[^`]+`)|'
    r'(?P<text>\]\()(?P<target>[^)\s#]+)', re.MULTILINE | re.DOTALL)


def site_path(path):
    """Return the path on the site of a file of the repository."""
    if path in PAGES:
        return PAGES[path]
    return path[len(DOCS):] if path.startswith(DOCS) else FILES + path


def source_of(name):
    """Return the path in the repository of a page of the site."""
    return SOURCES.get(name, DOCS + name)


def in_repository(target, source):
    """Return the path of a link's target, None for a web address."""
    if '://' in target or target.startswith('mailto:'):
        return None
    path = posixpath.normpath(
        posixpath.join(posixpath.dirname(source), target))
    # a link to a folder leads to the file that describes it
    heads = (f'{path}/{name}' for name in ('README.md', '__init__.py'))
    return next((head for head in heads if (ROOT / head).is_file()), path)


def linked_files(source):
    """Yield the files outside docs/ that a page links to."""
    for match in LINK.finditer((ROOT / source).read_text(encoding='utf-8')):
        path = match['target'] and in_repository(match['target'], source)
        if path and site_path(path).startswith(FILES) and (ROOT /
                                                           path).is_file():
            yield path


def on_files(files, config):
    """Add the pages and files, remove the table for GitHub."""
    files.remove(files.get_file_from_path('README.md'))
    for name, path in SOURCES.items():
        files.append(
            File.generated(config, name, abs_src_path=str(ROOT / path)))
    pages = [source_of(file.src_uri) for file in files.documentation_pages()]
    for path in sorted({p for page in pages for p in linked_files(page)}):
        files.append(
            File.generated(
                config, site_path(path), abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown, page, config, files):
    """Rewrite the links of the repository as links of the site."""
    name = page.file.src_uri

    def turned(match):
        path = match['target'] and in_repository(match['target'],
                                                 source_of(name))
        if not path or not (ROOT / path).exists():
            return match[0]  # MkDocs reports broken links
        start = posixpath.dirname(name) or '.'
        return match['text'] + posixpath.relpath(site_path(path), start)

    return LINK.sub(turned, markdown)
