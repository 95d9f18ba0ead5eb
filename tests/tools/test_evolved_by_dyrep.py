"""Nets that DyRep evolved load wherever the plain net does."""
import json

import numpy as np
import pytest
import torch
from mmdet.apis import DetInferencer, init_detector
from mmengine.config import Config
from mmengine.runner import load_checkpoint
from mmpretrain.apis import get_model
from mmseg.apis import MMSegInferencer, init_model

import mmrep
from mmrep.checkpoints import read_checkpoint
from mmrep.cli import build_model, load_config
from mmrep.deploy import relative_difference
from mmrep.deploy.verify import outputs

HOSTS = {'mmseg': init_model, 'mmdet': init_detector, 'mmpretrain': get_model}
HOOK = dict(type='DyRepHook', interval=1, stop=6, cut_threshold=1e-9)


@pytest.fixture(scope='module', params=HOSTS)
def host(request):
    return request.param


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('evolved')


@pytest.fixture(scope='module')
def config(host, tiny_seg, tiny_det, tiny_cls, folder):
    """A plain config of a host with the hook added."""
    paths = dict(mmseg=tiny_seg, mmdet=tiny_det, mmpretrain=tiny_cls)
    cfg = Config.fromfile(paths[host])
    cfg.model.backbone.type = 'ResNet'
    cfg.custom_hooks = [HOOK]
    drawn_by = dict(mmseg='SegLocalVisualizer', mmdet='DetLocalVisualizer')
    cfg.visualizer = dict(type=drawn_by.get(host, 'UniversalVisualizer'))
    cfg.train_cfg.max_iters = 6
    path = folder / f'{host}.py'
    cfg.dump(path)
    return str(path)


@pytest.fixture(scope='module')
def evolved(host, config, load_tool, folder):
    """The path of a checkpoint, and a net that loaded it strictly."""
    load_tool('train').main([config, '--work-dir', str(folder / host)])
    path = str(folder / host / 'iter_6.pth')
    model = build_model(load_config(config))
    weights = read_checkpoint(path)['state_dict']
    mmrep.structures.from_weights.adopt(model, weights)
    model.load_state_dict(weights)
    assert len(mmrep.structure(model)) > 1
    return path, model.eval()


def same(model, other):
    x = torch.randn(1, 3, 64, 64)
    assert mmrep.structure(model) == mmrep.structure(other)
    pairs = zip(outputs(model, x), outputs(other, x), strict=True)
    assert all(relative_difference(a, b) < 1e-5 for a, b in pairs)


def test_everywhere(host, config, evolved, load_tool, tmp_path):
    path, model = evolved
    same(model, HOSTS[host](config, path, device='cpu'))
    plain = build_model(load_config(config))
    load_checkpoint(plain, path)
    same(model, plain.eval())
    image = np.zeros((32, 64, 3), np.uint8)
    if host == 'mmdet':
        same(model, DetInferencer(config, path, device='cpu').model)
    elif host == 'mmseg':
        inferencer = MMSegInferencer(config, path, device='cpu')
        same(model, inferencer.model)
        assert inferencer(image)['predictions'].shape == (32, 64)
    work_dir = tmp_path / 'test'
    load_tool('test').main([config, path, '--work-dir', str(work_dir)])
    assert json.loads(next(work_dir.glob('*/*.json')).read_text())


def test_fused_it_is_a_plain_resnet(config, evolved, load_tool, tmp_path):
    path, model = evolved
    out = tmp_path / 'fused.pth'
    load_tool('fuse').main([config, path, str(out)])
    cfg = load_config(str(out.with_suffix('.py')))
    assert 'mmrep' not in cfg.pretty_text and 'DyRep' not in cfg.pretty_text
    plain = build_model(cfg).eval()
    plain.load_state_dict(torch.load(out)['state_dict'])
    x = torch.randn(1, 3, 64, 64)
    for a, b in zip(outputs(model, x), outputs(plain, x), strict=True):
        assert relative_difference(a, b) < 1e-5


@pytest.mark.parametrize('way', ['init_cfg', 'load_from', 'Restructured'])
def test_it_goes_on_evolving(way, config, evolved, load_tool, tmp_path):
    """C+D: the backbone has evolved elsewhere and goes on evolving."""
    path, model = evolved
    cfg = Config.fromfile(config)
    pretrained = dict(type='Pretrained', checkpoint=path, prefix='backbone.')
    if way == 'load_from':
        cfg.load_from = path
    else:
        cfg.model.backbone.init_cfg = pretrained
    if way == 'Restructured':
        cfg.model.backbone = dict(
            type='Restructured', model=cfg.model.backbone, init_cfg=pretrained)
    cfg.custom_hooks = [dict(type='EMAHook'), dict(HOOK, interval=2, stop=4)]
    cfg.optim_wrapper.optimizer.lr = 0
    cfg.dump(tmp_path / 'further.py')
    load_tool('train').main([
        str(tmp_path / 'further.py'), '--work-dir',
        str(tmp_path / 'further')
    ])
    end = read_checkpoint(str(tmp_path / 'further/iter_6.pth'))
    first = read_checkpoint(path)
    grown = [event['grown'] for event in end['dyrep']['history']]
    there = {
        name.partition('.branches.')[0]
        for name in first['state_dict'] if '.branches.' in name
    }
    assert len(grown) == 2 and not set(grown) & there
    assert len(end['optimizer']['state']) == len(
        end['optimizer']['param_groups'][0]['params'])
    raw = end['ema_state_dict']
    kept = [
        name for name in first['state_dict'] if '.branches.' in name
        and name.endswith('norm.weight') and 'module.' + name in raw
    ]
    assert kept
    for name in kept:
        assert raw['module.' + name].equal(first['state_dict'][name])
