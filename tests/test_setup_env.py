"""The Python that the set-up takes, and its message where there is none."""
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / '.dev_scripts/setup_env.sh'
TOOLS = ('bash', 'env', 'dirname', 'mktemp', 'rm', 'cat', 'grep', 'sort', 'tr')


@pytest.fixture
def choose(tmp_path):
    """Return a function that lets the script choose among given Pythons."""
    project = tmp_path / 'project/.dev_scripts'
    project.mkdir(parents=True)
    # the script up to the first thing that it makes, then the choice
    head = SCRIPT.read_text().partition('\ntmp=$(mktemp')[0]
    (project / 'setup_env.sh').write_text(f'{head}\necho "$python"\n')
    path = tmp_path / 'bin'
    path.mkdir()
    for tool in TOOLS:
        (path / tool).symlink_to(shutil.which(tool))

    def choose(versions, PYTHON=''):
        for name, minor in versions.items():
            fits = int(minor not in (11, 12))
            (path /
             name).write_text(f'#!/bin/sh\n[ "$2" = pass ] || exit {fits}\n')
            (path / name).chmod(stat.S_IRWXU)
        return subprocess.run(
            [str(path / 'bash'),
             str(project / 'setup_env.sh')],
            env=dict(PATH=str(path), HOME=os.environ['HOME'], PYTHON=PYTHON),
            capture_output=True,
            text=True)

    return choose


@pytest.mark.parametrize('versions, chosen', [
    (dict(python3=13, **{'python3.12': 12}), 'python3.12'),
    ({
        'python3.12': 12,
        'python3.11': 11
    }, 'python3.11'),
    (dict(python3=12), 'python3'),
])
def test_chosen(choose, versions, chosen):
    assert Path(choose(versions).stdout.strip()).name == chosen


def test_none(choose):
    done = choose(dict(python3=13))
    assert done.returncode == 1
    assert done.stderr == (
        'error: no Python 3.11 or 3.12 was found: install one, or name it '
        'with `make PYTHON=/path/to/python3 ...`\n')


def test_a_named_one_that_does_not_fit(choose):
    done = choose({'python3.13': 13}, 'python3.13')
    assert done.returncode == 1
    assert done.stderr.startswith(
        'error: PYTHON (=python3.13) must be Python 3.11 or 3.12: ')


def test_a_named_one_that_does_not_run(choose):
    """As a shim of a version manager whose version is switched off."""
    shim = choose({'python3.11': 11}, 'python3.12')
    assert shim.returncode == 1
    assert shim.stderr.startswith('error: PYTHON (=python3.12) does not run (')
    assert shim.stderr.endswith('): name another or leave it out\n')
    assert 'not found' in shim.stderr and shim.stderr.count('\n') == 1


def test_wheels_of_two_pythons_are_kept_apart():
    """The cache folder's name tells the Python, the machine and versions."""
    lines = SCRIPT.read_text().splitlines()
    wheels, = [line for line in lines if line.startswith('wheels=')]
    assert wheels.endswith('/mmrep/$tag-$(uname -m)-$versions')
    tag, = [line for line in lines if line.startswith('tag=')]
    assert '"$python"' in tag and 'sys.version_info[:2]' in tag
