"""Hold docstrings against signatures: pydoclint, as this project writes them.

An ``Args`` section names every argument and nothing else, a ``Raises``
section every exception that the body raises. What a summary line can say
needs no section: a function without ``Args`` may still have ``Raises``, and
``Returns`` is never asked for. Types stand in signatures where there are any.
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
# sections for results (201, 402), exceptions that callees raise (502), types
# in signatures (108) and, where these have none, in prose (111)
NOT_ASKED = {'DOC108', 'DOC111', 'DOC201', 'DOC402', 'DOC502'}
OF_ARGS = {'DOC101', 'DOC103'}
FOUND = re.compile(r'(?P<path>.+?):(?P<line>\d+): (?P<code>DOC\d+): ')
RAISED = re.compile(r'docstring: \[(.*?)\].*body: \[(.*?)\]')


def findings(paths):
    """Yield what pydoclint says, a line each."""
    options = [f'--{name}={value}' for name, value in OPTIONS.items()]
    done = subprocess.run(
        [sys.executable, '-m', 'pydoclint.main', '-q', *options, *paths],
        capture_output=True,
        text=True)
    # it lists them on the stream for errors and ends with 1
    if done.returncode not in (0, 1) or 'Traceback' in done.stderr:
        sys.exit(done.stderr)
    yield from (done.stdout + done.stderr).splitlines()


def lines_with_args(path):
    """Return where functions are defined whose docstring has ``Args``."""
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
    """Whether a body raises what its ``Raises`` section does not name."""
    told, raised = (
        set(re.findall(r"'(\w+)'", names))
        for names in RAISED.search(message).groups())
    kinds = {name for name in raised if name[0].isupper()}  # no variables
    return bool(kinds - told - {'NotImplementedError'})


def is_asked(found):
    """Whether the project's rules ask for what pydoclint misses."""
    code = found['code']
    if code == 'DOC503':
        return misses_exceptions(found.string)
    if code in OF_ARGS:
        return int(found['line']) in lines_with_args(found['path'])
    return code not in NOT_ASKED


def main(paths):
    count = 0
    for line in findings(paths):
        found = FOUND.match(line.strip())
        if found and is_asked(found):
            sys.stdout.write(line + '\n')
            count += 1
    sys.exit(count > 0)


if __name__ == '__main__':
    main(sys.argv[1:])
