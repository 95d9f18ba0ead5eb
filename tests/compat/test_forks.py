from importlib.metadata import PackageNotFoundError
from pathlib import Path

import mmseg
import pytest
from mmengine.config import Config
from mmengine.config.utils import MODULE2PACKAGE

from mmrep.compat import forks

BASE = 'mmseg::_base_/default_runtime.py'


@pytest.fixture(autouse=True)
def of_mmengine(monkeypatch):
    for module, package in dict(
            mmdet='mmdet', mmseg='mmsegmentation', mmpretrain='none').items():
        monkeypatch.setitem(MODULE2PACKAGE, module, package)


def refuse(name):
    raise PackageNotFoundError(name)


def test_bases_of_a_fork_are_found(monkeypatch, tmp_path):
    monkeypatch.setattr(forks, 'distribution', refuse)
    forks.find_forked_hosts()
    assert MODULE2PACKAGE['mmseg'] == 'mmseg'
    config = tmp_path / 'config.py'
    config.write_text(f'_base_ = {BASE!r}')
    assert Config.fromfile(config).default_scope == 'mmseg'
    path = Config._get_cfg_path(BASE, 'config.py')[0]
    assert Path(path).is_relative_to(Path(mmseg.__file__).parent)


def test_what_is_installed_stays(monkeypatch):
    monkeypatch.setattr(forks, 'distribution', lambda name: name)
    forks.find_forked_hosts()
    assert MODULE2PACKAGE['mmseg'] == 'mmsegmentation'


def test_what_is_not_installed_stays(monkeypatch):
    monkeypatch.setattr(forks, 'distribution', refuse)
    monkeypatch.setattr(forks, 'find_spec', lambda name: None)
    forks.find_forked_hosts()
    assert MODULE2PACKAGE['mmseg'] == 'mmsegmentation'
