"""Private parts of other packages and classes are used in compat alone."""
import ast
from pathlib import Path

import pytest
from mmengine.model import BaseModule

ROOT = Path(__file__).parents[1]
FILES = [
    path
    for path in sorted([*ROOT.glob('mmrep/**/*.py'), *ROOT.glob('tools/*.py')])
    if path.parent.name != 'compat'
]
# private names that NamedTuple and os document
PUBLIC = {'_replace', '_asdict', '_fields', '_make', '_field_defaults'}
DOCUMENTED = {'os._exit'}
FETCHERS = {'getattr', 'hasattr', 'setattr', 'delattr', 'attrgetter'}


def is_private(name):
    return name.startswith('_') and name != '_' and not (
        name.startswith('__')) and name not in PUBLIC


# private names of torch and mmengine, which count on `self` too
OF_TORCH = {
    name
    for name in (*dir(BaseModule()), '_orig_mod', '_is_replica',
                 '_params_init_info') if is_private(name)
} - {'_version'}  # tensors have one, too


def is_own(node):
    """Return True if a value is `self`, `cls` or `super()`."""
    if isinstance(node, ast.Call):
        node = node.func
        return isinstance(node, ast.Name) and node.id == 'super'
    return isinstance(node, ast.Name) and node.id in ('self', 'cls')


def of_attribute(node):
    if is_private(node.attr) and ast.unparse(node) not in DOCUMENTED and (
            not is_own(node.value) or node.attr in OF_TORCH):
        yield ast.unparse(node)


def of_import(node):
    home = getattr(node, 'module', None) or ''
    for alias in node.names:
        path = f'{home}.{alias.name}'
        if any(map(is_private, path.split('.'))):
            yield f'import of {path.strip(".")}'


def of_call(node):
    """Yield uses by name, such as `getattr(x, '_name')`."""
    name = node.func.id if isinstance(node.func, ast.Name) else ''
    for value in node.args if name in FETCHERS else ():
        if isinstance(value, ast.Constant) and is_private(str(value.value)):
            yield f'{name} of {value.value}'


def of_constant(node):
    if isinstance(node.value, str) and node.value in OF_TORCH:
        yield f'the name {node.value}'


def of_method(node):
    if node.name in OF_TORCH:
        yield f'a method {node.name}'


KINDS = {
    ast.Attribute: of_attribute,
    ast.Import: of_import,
    ast.ImportFrom: of_import,
    ast.Call: of_call,
    ast.Constant: of_constant,
    ast.FunctionDef: of_method
}


def uses_in(code):
    """Yield pairs of a line number and a private use in that line."""
    for node in ast.walk(ast.parse(code)):
        of_kind = KINDS.get(type(node), lambda node: ())
        yield from ((node.lineno, use) for use in of_kind(node))


@pytest.mark.parametrize('path', FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_none_outside_of_compat(path):
    name = str(path.relative_to(ROOT))
    found = sorted(set(uses_in(path.read_text())))
    told = ', '.join(f'{use} (line {line})' for line, use in found)
    assert not found, (f'{name} has {told}: take a function of mmrep/compat, '
                       'or give what is ours a public name')


@pytest.mark.parametrize('code, seen', [
    ('module._modules', True),
    ('self._modules', True),
    ('self._own', False),
    ('super()._own', False),
    ('super()._apply', True),
    ('layer._kept', True),
    ('run._replace(a=1)', False),
    ('x.__dict__', False),
    ('os._exit(1)', False),
    ('from torch._utils import is_compiling', True),
    ('from torch.nn.modules.batchnorm import _NormBase', True),
    ('import torch._C', True),
    ('from ..a import _b', True),
    ('import __main__', False),
    ("getattr(x, '_version', None)", True),
    ("getattr(x, 'version', None)", False),
    ("HOOKS = ('_forward_hooks', )", True),
    ('def _apply(self): pass', True),
    ('def _own(self): pass', False),
])
def test_private_uses_are_found(code, seen):
    assert bool(list(uses_in(code))) == seen
