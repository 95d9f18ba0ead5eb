"""One call from a checkpoint to a plain file."""
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import load_checkpoint

import mmrep
from mmrep.deploy import Report, deploy, relative_difference
from mmrep.errors import UserError
from mmrep.hosts import build_model, load_config
from mmrep.testing import randomize_norms

X = torch.randn(1, 3, 32, 64, generator=torch.Generator().manual_seed(0))
LAYERS = 17  # all convolutions from 3x3 on of a ResNet-18; all are OREPA


def net_of(config):
    torch.manual_seed(0)
    return randomize_norms(build_model(load_config(config))).eval()


@pytest.fixture(scope='module')
def net(tiny_cls):
    return net_of(tiny_cls)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / 'out').mkdir()
    return tmp_path


def named(net, prefix=''):
    return {prefix + name: t for name, t in net.state_dict().items()}


@torch.no_grad()
def features(model):
    return model.eval().extract_feat(X)[0]


def written(report):
    """Load the two files as a host does."""
    model = build_model(Config.fromfile(report.config))
    load_checkpoint(model, report.checkpoint, strict=True)
    return model


@pytest.mark.parametrize('prefix', ['', 'module._orig_mod.'])
def test_deploys(net, tiny_cls, folder, prefix):
    """DDP and torch.compile rename weights; paths are of any kind."""
    torch.save(dict(state_dict=named(net, prefix)), folder / 'net.pth')
    out = folder / 'out' / 'fused.pth'
    done = []
    report = deploy(
        Path(tiny_cls), folder / 'net.pth', out, progress=done.append)
    assert isinstance(report, Report)
    assert report.checkpoint == str(out) and report.needs == 'no mmrep'
    assert report.config == str(out.with_suffix('.py'))
    assert report.layers == LAYERS and report.worst_difference < 1e-4
    assert done == ['reading the checkpoint', 'fusing', 'comparing both forms']
    assert sorted(p.name for p in out.parent.iterdir()) == [
        'fused.pth', 'fused.py']  # yapf: disable
    plain = written(report)
    assert not any(isinstance(m, mmrep.RepConv2d) for m in plain.modules())
    assert relative_difference(features(net), features(plain)) < 1e-5


def test_an_evolved_net(tiny_cls, folder):
    """The config is plain, and the checkpoint brings the blocks."""
    config = folder / 'plain.py'
    config.write_text(f"_base_ = {tiny_cls!r}\n"
                      "model = dict(backbone=dict(type='ResNet'))")
    net = net_of(str(config))
    grown = ['backbone.conv1', 'backbone.layer1.0.conv2']
    mmrep.reparameterize(net, 'DBBConv2d', include=grown)
    randomize_norms(net)
    torch.save(dict(state_dict=named(net)), folder / 'net.pth')
    report = deploy(config, folder / 'net.pth', folder / 'out' / 'fused.pth')
    assert report.layers == 2
    assert relative_difference(features(net), features(written(report))) < 1e-5


@pytest.mark.parametrize('arguments, words', [
    (dict(tolerance=2.5e-12), 'relative, more than 2.5e-12'),
    (dict(tolerance=0), r'`tolerance` \(=0\) must be'),
    (dict(tolerance=True), r'`tolerance` \(=True\) must be'),
    (dict(tolerance=float('nan')), r'`tolerance` \(=nan\) must be'),
    (dict(tolerance='1e-4'), r"`tolerance` \(='1e-4'\) must be"),
    (dict(ema='no'), r"`ema` \(='no'\) must be True or False"),
    (dict(trust_checkpoint='no'), r"`trust_checkpoint` \(='no'\)"),
    (dict(image=3), r'`image` \(=3\) must be a path'),
    (dict(config=None), r'`config` \(=None\) must be a path'),
    (dict(checkpoint=b'a'), r"`checkpoint` \(=b'a'\) must be a path"),
    (dict(out='fused.pt'), 'must end in .pth'),
    (dict(ema=True), 'no EMA weights'),
])
def test_what_is_refused_writes_nothing(net, tiny_cls, folder, monkeypatch,
                                        arguments, words):
    monkeypatch.chdir(folder / 'out')
    torch.save(named(net), folder / 'net.pth')
    given = dict(
        config=tiny_cls, checkpoint=folder / 'net.pth', out='fused.pth')
    with pytest.raises(UserError, match=words):
        deploy(**{**given, **arguments})
    assert not list((folder / 'out').iterdir())
