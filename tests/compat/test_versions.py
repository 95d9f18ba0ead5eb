"""Versions are read from metadata, before anything is imported."""
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from mmrep.compat import versions
from mmrep.errors import UserError

ROOT = Path(__file__).parents[2]


def install(folder, name, version):
    """Write the metadata that pip writes for a distribution."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / 'METADATA'
     ).write_text(f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n')


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Return a function that puts a distribution in front of the others."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return lambda name, version: install(tmp_path, name, version)


def test_this_environment_fits():
    versions.check_versions()


@pytest.mark.parametrize('name, version', [
    ('torch', '2.1.2+cpu'),
    ('torch', '3.7.0.dev20270101'),
    ('mmcv', '2.0.0rc4'),
    ('mmcv', '2.99'),
    ('mmcv-lite', '2.2.0'),
    ('mmengine', '0.10.0'),
    ('onedl-mmdetection', '3.5.1'),
    ('mmsegmentation', '1.2.2'),
])
def test_fits(installed, name, version):
    installed(name, version)
    versions.check_versions()


@pytest.mark.parametrize('name, version, needed', [
    ('torch', '2.0.1', 'torch>=2.1'),
    ('torch', '1.13.1+cu117', 'torch>=2.1'),
    ('mmcv', '1.7.2', 'mmcv>=2.0,<3.0'),
    ('mmcv', '3.0.0', 'mmcv>=2.0,<3.0'),
    ('mmengine', '0.9.1', 'mmengine>=0.10,<1.0'),
    ('mmdet', '2.28.2', 'mmdet>=3.0,<4.0'),
    ('mmsegmentation', '0.30.0', 'mmsegmentation>=1.0,<2.0'),
    ('mmpretrain', '2.0.0', 'mmpretrain>=1.0,<2.0'),
    ('onedl-mmcv', '3.1', 'onedl-mmcv>=2.0,<3.0'),
])
def test_does_not_fit(installed, name, version, needed):
    installed(name, version)
    with pytest.raises(UserError) as told:
        versions.check_versions()
    message = str(told.value)
    assert message.startswith(f'{name} (={version}) does not fit mmrep ')
    assert message.endswith(f'needs {needed}: run `pip install "{needed}"`')


def test_what_is_no_distribution_is_not_checked(monkeypatch):

    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(versions, 'version', missing)
    versions.check_versions()


def test_importing_mmrep_checks_before_it_imports_a_host(tmp_path):
    install(tmp_path, 'mmcv', '1.7.2')
    for host in ('torch', 'mmengine', 'mmcv'):
        (tmp_path / f'{host}.py').write_text('raise SystemExit("imported")')
    done = subprocess.run([sys.executable, '-c', 'import mmrep'],
                          cwd=tmp_path,
                          env=dict(
                              os.environ,
                              PYTHONPATH=f'{tmp_path}{os.pathsep}{ROOT}'),
                          capture_output=True,
                          text=True)
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 1
    assert 'UserError: mmcv (=1.7.2) does not fit mmrep' in last
