"""Both fused files are written or none, and no other file is lost."""
import os

import pytest
import torch
from mmengine.config import Config

from mmrep.cli import UserError
from mmrep.deploy import check_paths, write_fused

CFG = Config(dict(a=1))


def test_write_twice(tmp_path):
    out = str(tmp_path / 'net.pth')
    for value in (1, 2):
        check_paths('in.py', 'in.pth', out)
        config = write_fused(out, dict(value=value), CFG)
    assert torch.load(out) == dict(value=2)
    assert Config.fromfile(config).a == 1
    assert sorted(os.listdir(tmp_path)) == ['net.pth', 'net.py']


def test_a_users_config_stays(tmp_path):
    own = tmp_path / 'net.py'
    own.write_text('a = 2')
    out = str(tmp_path / 'net.pth')
    for config, part in ((str(own), 'to be fused'), ('in.py', 'not written')):
        with pytest.raises(UserError, match=part):
            check_paths(config, 'in.pth', out)


def test_nothing_half_written(tmp_path):
    out = str(tmp_path / 'net.pth')
    with pytest.raises(UserError, match='cannot write'):
        write_fused(str(tmp_path / 'none' / 'net.pth'), {}, CFG)
    (tmp_path / 'net.py').mkdir()
    with pytest.raises(UserError, match='is a folder'):
        check_paths('in.py', 'in.pth', out)
    assert os.listdir(tmp_path) == ['net.py']
