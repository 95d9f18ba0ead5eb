"""A host's own model made rich by config: train, fuse, load it plain."""
import pytest
import torch
from mmengine.config import Config

from mmrep.cli import build_model, load_config
from mmrep.nets.walk import rep_layers

CASES = {
    'backbone': ('tiny_det', ['backbone']),
    'neck and head': ('tiny_det', ['neck', 'bbox_head']),
    'segmentor': ('tiny_seg', ['backbone', 'decode_head']),
}


@pytest.fixture(params=CASES)
def config(request, tmp_path):
    """A tiny config with some of its parts made rich."""
    base, parts = CASES[request.param]
    cfg = Config.fromfile(request.getfixturevalue(base))
    cfg.model.backbone = dict(
        type='ResNet', depth=18, base_channels=8, stem_channels=8)
    for part in parts:
        cfg.model[part] = dict(
            type='Reparameterized',
            model=cfg.model[part],
            conv=dict(type='DBBConv2d'),
            exclude=['retina_cls', 'retina_reg']
            if part == 'bbox_head' else None,
            kernel_size=3 if part != 'decode_head' else None)
    path = tmp_path / 'rich.py'
    cfg.dump(path)
    return str(path)


def test_trains_and_fuses(config, load_tool, tmp_path):
    work_dir = tmp_path / 'run'
    load_tool('train').main([config, '--work-dir', str(work_dir)])
    out = tmp_path / 'fused.pth'
    load_tool('fuse').main([config, str(work_dir / 'iter_2.pth'), str(out)])
    rich = build_model(load_config(config))
    cfg = load_config(str(out.with_suffix('.py')))
    plain = build_model(cfg)
    assert list(rep_layers(rich)) and not list(rep_layers(plain))
    assert 'Reparameterized' not in cfg.pretty_text
    assert 'mmrep' not in cfg.pretty_text
    plain.load_state_dict(torch.load(out)['state_dict'], strict=True)
