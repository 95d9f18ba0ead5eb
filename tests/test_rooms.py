"""The rooms of mmrep: a file imports from its own room or from rooms below."""
import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# rooms from the ground up; docs/code_map.md describes each in a sentence
ROOMS = ('version', 'errors', 'ending', 'paths', 'atomic', 'random_state',
         'synthetic', 'prefixes', 'compat', 'custom_imports', 'kernel',
         'layers', 'arguments', 'refusals', 'nets', 'together', 'testing',
         'hosts', 'backbones', 'heads', 'boxes', 'parameter_groups',
         'checkpoints', 'structures', 'patches', 'fusing', 'dyrep', 'pictures',
         'runner', 'hooks', 'deploy', 'export', 'inference', 'cli', 'measure',
         'answers', 'comparing', 'mmrep', 'tools')
FILES = sorted([*ROOT.glob('mmrep/**/*.py'), *ROOT.glob('tools/*.py')])


def name_of(path):
    """Return the dotted name of a file's module."""
    parts = list(path.relative_to(ROOT).with_suffix('').parts)
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


MODULES = {name_of(path) for path in FILES}


def room_of(module):
    """Return the room of a module by its dotted name.

    The room `mmrep` is the package's `__init__`.
    """
    first, *rest = module.split('.')
    return rest[0] if first == 'mmrep' and rest else first


def imports_in(code, module, is_package=False):
    """Yield pairs of a line number and a module of ours imported there."""
    package = module.split('.') if is_package else module.split('.')[:-1]
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names
                        if alias.name.split('.')[0] == 'mmrep')
        elif isinstance(node, ast.ImportFrom):
            above = package[:len(package) - node.level + 1]
            home = [
                *(above if node.level else ()), *(node.module or '').split('.')
            ]
            home = '.'.join(filter(None, home))
            if home.split('.')[0] == 'mmrep':
                for alias in node.names:
                    inner = f'{home}.{alias.name}'
                    yield node.lineno, inner if inner in MODULES else home


def upward(code, path):
    """Yield a sentence for each import in a file that goes upwards."""
    module = name_of(path)
    own = ROOMS.index(room_of(module))
    for line, other in imports_in(code, module, path.name == '__init__.py'):
        if ROOMS.index(room_of(other)) > own:
            yield (f'{path.relative_to(ROOT)}:{line} imports {other}: the room'
                   f' {room_of(other)!r} lies above {ROOMS[own]!r}, move what '
                   'is needed down')


@pytest.mark.parametrize('path', FILES, ids=name_of)
def test_no_file_imports_upwards(path):
    found = list(upward(path.read_text(), path))
    assert not found, '; '.join(found)


def test_every_file_has_a_room():
    """Each folder and root file of mmrep/ has a place in ROOMS."""
    missing = {room_of(name_of(path)) for path in FILES} - set(ROOMS)
    assert not missing, f'{missing} must have a place in ROOMS'
    gone = set(ROOMS) - {room_of(name_of(path)) for path in FILES}
    assert not gone, f'{gone} must go from ROOMS: there is no such room'


@pytest.mark.parametrize('line, seen', [
    ('from ..cli import model', True),
    ('from ..cli.model import build_model', True),
    ('import mmrep.cli.model', True),
    ('from mmrep import fuse', True),
    ('from .. import fuse', True),
    ('def late():\n    from ..deploy import verify', True),
    ('from .walk import names', False),
    ('from .. import kernel as K', False),
    ('from ..errors import UserError', False),
    ('import torch', False),
])
def test_upward_imports_are_found(line, seen):
    found = list(upward(line, ROOT / 'mmrep/nets/new.py'))
    assert len(found) == seen
    assert not seen or 'mmrep/nets/new.py' in found[0]


def test_the_map_has_the_rooms_in_this_order():
    text = (ROOT / 'docs/code_map.md').read_text()
    rows = re.findall(r'^\| `([\w/.]+)`', text, re.MULTILINE)
    named = [re.sub(r'^mmrep/(?=.)|\.py$|/$', '', row) for row in rows]
    named = ['mmrep' if name == '__init__' else name for name in named]
    assert named == list(ROOMS), (
        'docs/code_map.md must list the rooms of tests/test_rooms.py from '
        'the ground up')


PACKAGES = sorted(ROOT.glob('mmrep/**/__init__.py'))


@pytest.mark.parametrize('path', PACKAGES, ids=lambda path: path.parent.name)
def test_no_public_name_is_that_of_a_module(path):
    """`mmrep.structure` is a function, whatever was imported before."""
    package = importlib.import_module(name_of(path))
    beside = {p.stem for p in path.parent.iterdir()}
    assert not beside.intersection(getattr(package, '__all__', ()))
