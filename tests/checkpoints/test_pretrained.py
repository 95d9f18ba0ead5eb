"""Checkpoints that ``init_cfg`` names."""
import pytest
import torch
from mmengine.model import BaseModule, PretrainedInit
from torch import nn

from mmrep.checkpoints.pretrained import check_pretrained, pretrained
from mmrep.errors import UserError


def net(init_cfg):
    inner = BaseModule(init_cfg)
    inner.conv = nn.Conv2d(1, 1, 1)
    return nn.Sequential(inner, BaseModule(), nn.ReLU())


@pytest.fixture
def path(tmp_path):
    torch.save({'backbone.conv.weight': torch.ones(1)}, tmp_path / 'net.pth')
    return str(tmp_path / 'net.pth')


def test_all_forms(path):
    kaiming = dict(type='Kaiming', layer='Conv2d')
    for kind in ('Pretrained', PretrainedInit):
        init = dict(type=kind, checkpoint=path)
        for cfg in (init, [kaiming, init]):
            model = net(cfg)
            assert list(pretrained(model)) == [(model[0], init)]
    assert not list(pretrained(net(kaiming)))


def test_good_and_remote(path):
    check_pretrained(
        net(dict(type='Pretrained', checkpoint=path, prefix='backbone.')))
    check_pretrained(
        net(dict(type='Pretrained', checkpoint='torchvision://a')))


@pytest.mark.parametrize('change, words', [
    (dict(checkpoint='nowhere.pth'), "no such checkpoint: 'nowhere.pth'"),
    (dict(prefix='neck.'), r"`prefix` \(='neck.'\)"),
])
def test_bad(path, change, words):
    init = dict(type='Pretrained', checkpoint=path, prefix='backbone.')
    with pytest.raises(UserError, match=words):
        check_pretrained(net({**init, **change}))
