"""The installed package has the files that mim needs, and works alone."""
import os
import shutil
import subprocess
import sys
import tarfile
from collections import Counter
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

import mmrep
from mmrep.export.onnx_session import PACKAGES

ROOT = Path(__file__).parents[1]
MIM = ('configs', 'tools', 'model-index.yml')
SOURCES = ('mmrep', 'pyproject.toml', 'setup.py', 'setup.cfg', 'MANIFEST.in',
           'README.md', 'LICENSE') + MIM
# kinds of files that both a wheel and an sdist must carry
KINDS = ('.py', '.yml', '.md', '.sh')


def run(*command, cwd, **environment):
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={
            **os.environ,
            **environment
        },
        capture_output=True,
        text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def files_below(folder):
    """Return the paths of the files of these kinds below a folder."""
    found = [p for p in folder.rglob('*') if p.suffix in KINDS]
    return {p.relative_to(folder).as_posix() for p in found if p.is_file()}


def pip_wheel(source, out):
    run(sys.executable,
        '-m',
        'pip',
        'wheel',
        '--no-index',
        '--no-deps',
        '--no-build-isolation',
        '--no-cache-dir',
        '-w',
        out,
        source,
        cwd=out)
    return next(out.glob('*.whl'))


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    """Copy the tree, since a build leaves files behind."""
    folder = tmp_path_factory.mktemp('source')
    ignore = shutil.ignore_patterns('__pycache__')
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, folder / name, symlinks=True, ignore=ignore)
        else:
            shutil.copy(ROOT / name, folder / name)
    # an editable install has such files, and so has a tree whose tools ran
    (folder / 'tools/__pycache__').mkdir()
    (folder / 'tools/__pycache__/train.cpython-311.pyc').touch()
    return folder


@pytest.fixture(scope='module')
def wheel(source, tmp_path_factory):
    """Unpack a wheel into an empty folder."""
    out = tmp_path_factory.mktemp('wheel')
    with ZipFile(pip_wheel(source, out)) as archive:
        archive.extractall(out / 'site')
    return out / 'site'


def test_wheel_carries_configs_and_tools(source, wheel):
    there = files_below(wheel / 'mmrep/.mim')
    assert there == {
        name
        for name in files_below(source)
        if name == 'model-index.yml' or name.split('/')[0] in MIM
    }
    assert len(there) > 40
    assert not list(wheel.rglob('*.pyc'))
    assert {path.name.split('-')[0] for path in wheel.iterdir()} == {'mmrep'}


def test_wheel_says_that_it_is_typed(wheel):
    """The marker of PEP 561: type checkers read the annotations."""
    assert (wheel / 'mmrep/py.typed').is_file()


def test_wheel_of_sdist_is_the_same(source, wheel, tmp_path):
    run(sys.executable,
        '-c', 'from setuptools.build_meta import build_sdist; '
        f'build_sdist({str(tmp_path)!r})',
        cwd=source)
    sdist = next(tmp_path.glob('*.tar.gz'))
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
        assert not any(member.issym() for member in archive)
    assert not any(name.endswith('.pyc') for name in names)
    with ZipFile(pip_wheel(sdist, tmp_path)) as archive:
        files = set(archive.namelist())
    assert files == {
        path.relative_to(wheel).as_posix()
        for path in wheel.rglob('*') if path.is_file()
    }


def test_wheel_works_in_an_empty_folder(wheel, tmp_path):
    code = '''
import sys
import mmrep
from mmrep.export.onnx_session import PACKAGES
from mmrep.cli import load_config
config = f'{mmrep.__path__[0]}/.mim/configs/pspnet_orepa_r18_shapes.py'
print(mmrep.__file__, load_config(config).model.backbone.type)
'''
    out = run(sys.executable, '-c', code, cwd=tmp_path, PYTHONPATH=str(wheel))
    assert out.split() == [f'{wheel}/mmrep/__init__.py', 'OREPAResNet']
    assert not list(tmp_path.iterdir())


def read_metadata(wheel):
    folder = next(wheel.glob('*.dist-info'))
    return Parser().parsestr((folder / 'METADATA').read_text())


def needs(metadata):
    return metadata.get_all('Requires-Dist') or []


def test_metadata(wheel):
    folder = next(wheel.glob('*.dist-info'))
    metadata = read_metadata(wheel)
    assert metadata['Name'] == 'mmrep'
    assert metadata['Version'] == mmrep.__version__
    assert metadata['License-Expression'] == 'Apache-2.0'
    assert metadata['Summary'].startswith('Structural re-parameterization')
    assert '# mmrep' in metadata.get_payload()
    # no requirement pulls the other set of hosts in
    assert all('; extra == ' in need for need in needs(metadata))
    assert not any('mm' in need.split(';')[0] for need in needs(metadata))
    licences = list(folder.rglob('LICENSE'))
    assert [p.read_text()
            for p in licences] == [(ROOT / 'LICENSE').read_text()]


def test_extras(wheel):
    """Extras name what tools and tests import beside the hosts."""
    metadata = read_metadata(wheel)
    extras = {extra: set() for extra in metadata.get_all('Provides-Extra')}
    for need in needs(metadata):
        name, _, extra = need.partition('; extra == ')
        extras[extra.strip('"')].add(name)
    assert extras['onnx'] == {*PACKAGES, 'onnxscript'}
    assert extras['compare'] == {'matplotlib', 'scipy'}
    assert extras['openvino'] == {'openvino', 'nncf'}
    locked = (ROOT / 'requirements/lock.txt').read_text()
    for name in set().union(*extras.values()) - extras.get('docs', set()):
        assert f'\n{name}==' in locked


def test_classifiers(wheel):
    metadata = read_metadata(wheel)
    told = metadata.get_all('Classifier')
    assert metadata['Requires-Python'] == '>=3.9'
    for python in ('3.11', '3.12'):  # the suite ran with these
        assert f'Programming Language :: Python :: {python}' in told
    # the licence stands in its expression alone
    assert not any(line.startswith('License ::') for line in told)


@pytest.mark.parametrize('name', MIM)
def test_an_editable_install_has_them_too(name):
    link = ROOT / 'mmrep/.mim' / name
    assert not os.path.isabs(os.readlink(link))
    assert link.resolve() == (ROOT / name).resolve()
    assert link.exists()


def test_mim_finds_configs_by_name_alone():
    names = Counter(path.name for path in (ROOT / 'configs').rglob('*.py'))
    assert [name for name, count in names.items() if count > 1] == []
