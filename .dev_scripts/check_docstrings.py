"""Compare docstrings with signatures: pydoclint by this project's rules.

An ``Args`` section names every argument and nothing else, a ``Raises``
section every exception that the body raises. Sections are optional if the
summary line says the same: a function without ``Args`` may have ``Raises``,
and ``Returns`` is never required. Types belong in signatures.
"""
import ast
import re
import subprocess
import sys
from pathlib import Path

OPTIONS = {
    'style': 'google',
    'arg-type-hints-in-signature': False,
    'arg-type-hints-in-docstring': False,
    'check-return-types': False,
    'check-yield-types': False,
    'check-class-attributes': False,
    'allow-init-docstring': True,
    'omit-stars-when-documenting-varargs': True,
    'show-filenames-in-every-violation-message': True,
}
# codes that are ignored: sections for results (201, 402), exceptions that
# callees raise (502), types in signatures (108) and missing types (111)
NOT_ASKED = {'DOC108', 'DOC111', 'DOC201', 'DOC402', 'DOC502'}
OF_ARGS = {'DOC101', 'DOC103'}
FOUND = re.compile(r'(?P<path>.+?):(?P<line>\d+): (?P<code>DOC\d+): ')
RAISED = re.compile(r'docstring: \[(.*?)\].*body: \[(.*?)\]')


def findings(paths):
    """Yield the lines that pydoclint prints."""
    options = [f'--{name}={value}' for name, value in OPTIONS.items()]
    done = subprocess.run(
        [sys.executable, '-m', 'pydoclint.main', '-q', *options, *paths],
        capture_output=True,
        text=True)
    # it lists findings on the stream for errors and exits with 1
    if done.returncode not in (0, 1) or 'Traceback' in done.stderr:
        sys.exit(done.stderr)
    yield from (done.stdout + done.stderr).splitlines()


def lines_with_args(path):
    """Return the lines of functions whose docstring has ``Args``."""
    lines = set()
    for node in ast.walk(ast.parse(Path(path).read_text(encoding='utf-8'))):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            if 'Args:\n' in (ast.get_docstring(node) or ''):
                first = node.body[0]
                lines.update(range(node.lineno, first.end_lineno + 1))
                lines.update(
                    child.lineno for child in node.body
                    if getattr(child, 'name', '') == '__init__')
    return lines


def misses_exceptions(message):
    """Return True if a body raises more than its ``Raises`` section says."""
    told, raised = (
        set(re.findall(r"'(\w+)'", names))
        for names in RAISED.search(message).groups())
    kinds = {name
             for name in raised if name[0].isupper()}  # others are variables
    return bool(kinds - told - {'NotImplementedError'})


def is_asked(found):
    """Return True if a finding breaks the rules of this project."""
    code = found['code']
    if code == 'DOC503':
        return misses_exceptions(found.string)
    if code in OF_ARGS:
        return int(found['line']) in lines_with_args(found['path'])
    return code not in NOT_ASKED


def main(paths):
    """Print the findings, and exit with 1 if there is one."""
    count = 0
    for line in findings(paths):
        found = FOUND.match(line.strip())
        if found and is_asked(found):
            sys.stdout.write(line + '\n')
            count += 1
    sys.exit(count > 0)


if __name__ == '__main__':
    main(sys.argv[1:])
