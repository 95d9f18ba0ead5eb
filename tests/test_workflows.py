"""Files for GitHub and pre-commit can be read, and their commands exist."""
import os
import re
import shlex
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / '.github/workflows').glob('*.yml'))
FORMS = sorted((ROOT / '.github/ISSUE_TEMPLATE').glob('[0-9]*.yml'))
TARGET = re.compile(r'^([a-z][\w-]*):', re.MULTILINE)


def name_of(path):
    return path.name


def read(path):
    return yaml.safe_load(path.read_text())


def jobs():
    return [(path, name, job) for path in WORKFLOWS
            for name, job in read(path)['jobs'].items()]


def commands(job):
    """Yield the lines that a job runs, once for each value of its matrix."""
    matrix = job.get('strategy', {}).get('matrix', {})
    (key, values), = matrix.items() or [('none', [None])]
    for step in job['steps']:
        for line in step.get('run', '').splitlines():
            for value in values:
                yield line.replace('${{ matrix.%s }}' % key, str(value))


def is_there(command):
    """Return True if a command is a target of the Makefile or our script."""
    name, *rest = shlex.split(command)
    if name == 'make':
        targets = TARGET.findall((ROOT / 'Makefile').read_text())
        return rest[0] in targets and all(
            word.startswith('PYTHON=') for word in rest[1:])
    path = ROOT / name
    sets = [path.stem for path in (ROOT / 'requirements').glob('*.txt')]
    return os.access(path, os.X_OK) and set(rest) <= set(sets)


@pytest.mark.parametrize('path', WORKFLOWS, ids=name_of)
def test_workflow(path):
    workflow = read(path)
    assert workflow['name'] and workflow['permissions'] == {'contents': 'read'}
    # YAML 1.1 reads the key `on` as true
    assert workflow[True]
    for job in workflow['jobs'].values():
        assert job['timeout-minutes'] and job['runs-on'] == 'ubuntu-latest'
        needed = job.get('needs', [])
        assert set([needed] if isinstance(needed, str) else needed) <= set(
            workflow['jobs'])
        used = [s['uses'] for s in job['steps'] if 'uses' in s]
        assert used[0].startswith('actions/checkout@')
        assert all(re.fullmatch(r'[\w-]+/[\w-]+@v\d+', use) for use in used)


def test_commands():
    found = [command for *_, job in jobs() for command in commands(job)]
    assert len(found) >= 7
    assert [command for command in found if not is_there(command)] == []


def test_what_is_run():
    """Jobs cover lint, quick, both Pythons, forks, old PyTorch, the site."""
    found = {command for *_, job in jobs() for command in commands(job)}
    assert found == {
        'make lint PYTHON=python3.11', 'make quick PYTHON=python3.11',
        'make test PYTHON=python3.11', 'make test PYTHON=python3.12',
        'make docs PYTHON=python3.11', '.dev_scripts/run_suite_with.sh forks',
        '.dev_scripts/run_suite_with.sh torch21'
    }


def test_a_command_that_is_not_there():
    assert not is_there('make nothing')
    assert not is_there('.dev_scripts/nothing.sh')
    assert not is_there('.dev_scripts/run_suite_with.sh nothing')


def test_quick_names_files_that_are_there():
    makefile = (ROOT / 'Makefile').read_text().replace('\\\n', '')
    words = re.search(r'^QUICK := (.*)$', makefile, re.MULTILINE)[1].split()
    paths = [word for word in words if not word.startswith('-')]
    assert 'tests/layers' in paths
    assert all((ROOT / path).exists() for path in paths)


def test_cached_wheels_are_where_they_are_written():
    script = (ROOT / '.dev_scripts/setup_env.sh').read_text()
    assert '${XDG_CACHE_HOME:-$HOME/.cache}/mmrep/' in script
    caches = [
        step['with'] for *_, job in jobs() for step in job['steps']
        if 'cache' in step.get('uses', '')
    ]
    assert caches
    for cache in caches:
        assert cache['path'] == '~/.cache/mmrep'
        for path in re.findall(r"'(requirements/[^']+)'", cache['key']):
            assert (ROOT / path).exists()


@pytest.mark.parametrize('path', FORMS, ids=name_of)
def test_issue_form(path):
    form = read(path)
    assert form['name'] and form['description'] and form['labels']
    for field in form['body']:
        assert field['type'] in ('checkboxes', 'input', 'textarea')
        assert field['attributes']['label']


def test_pages_that_templates_name_are_there():
    texts = [
        path.read_text() for path in (ROOT / '.github').rglob('*')
        if path.is_file()
    ]
    names = {
        name
        for text in texts
        for name in re.findall(r'\b[\w/]+\.md\b', text)
    }
    assert 'docs/troubleshooting.md' in names
    assert all((ROOT / name).exists() for name in names)


def test_pre_commit():
    repo, = read(ROOT / '.pre-commit-config.yaml')['repos']
    hook, = repo['hooks']
    assert repo['repo'] == 'local' and hook['language'] == 'system'
    assert is_there(hook['entry'])
