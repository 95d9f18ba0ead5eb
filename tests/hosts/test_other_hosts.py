"""A host that `make test` does not have: a package with registries of its own.

It stands for mmpose; docs/hosts.md says what was run with the real ones.
"""
import sys

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS

from mmrep.cli import UserError, build_model, load_config
from mmrep.cli.data import check_datasets
from mmrep.compat.hosts import HOSTS, OTHER_HOSTS
from mmrep.measure.training_step import TrainingStep, training_model
from mmrep.nets.walk import rep_layers
from mmrep.testing import randomize_norms

HOST = 'mmpose'
REGISTRY = '''
from mmengine.registry import MODELS as ROOT, Registry

MODELS = Registry('model', parent=ROOT, locations=['mmpose.models'])
'''
MODELS_FILE = '''
from mmengine.model import BaseModel
from mmpretrain.models import ResNet

from .registry import MODELS

MODELS.register_module(module=ResNet)


@MODELS.register_module()
class Pose(BaseModel):

    def __init__(self, backbone, data_preprocessor=None):
        super().__init__(data_preprocessor)
        self.backbone = MODELS.build(backbone)

    def extract_feat(self, inputs):
        return self.backbone(inputs)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        features = self.extract_feat(inputs)
        if mode != 'loss':
            return features
        return dict(loss=sum(f.square().mean() for f in features))
'''
CONFIG = '''
default_scope = 'mmpose'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)
model = dict(
    type='Pose',
    data_preprocessor=dict(type='ImgDataPreprocessor'),
    backbone=BACKBONE)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01))
train_cfg = dict(by_epoch=True, max_epochs=1)
train_dataloader = dict(dataset=dict(type='Poses', data_root='gone/poses'))
'''
SMALL = 'depth=18, base_channels=8, stem_channels=8'
BACKBONES = {
    'by type':
    f"dict(type='OREPAResNet', {SMALL})",
    'by conv_cfg':
    f"dict(type='ResNet', conv_cfg=dict(type='DBBConv2d'), "
    f'{SMALL})',
    'reparameterized':
    "dict(type='Reparameterized', "
    "conv=dict(type='DBBConv2d'), "
    f"model=dict(type='ResNet', {SMALL}))",
}


@pytest.fixture(autouse=True)
def host(tmp_path, monkeypatch):
    """The package, importable while a test runs."""
    package = tmp_path / 'site' / HOST
    package.mkdir(parents=True)
    (package / '__init__.py').touch()
    (package / 'registry.py').write_text(REGISTRY)
    (package / 'models.py').write_text(MODELS_FILE)
    monkeypatch.syspath_prepend(str(package.parent))
    yield
    MODELS._children.pop(HOST, None)
    for name in [name for name in sys.modules if name.startswith(HOST)]:
        del sys.modules[name]


def write(tmp_path, backbone=BACKBONES['by type']):
    path = tmp_path / 'pose.py'
    path.write_text(CONFIG.replace('BACKBONE', backbone))
    return str(path)


@pytest.mark.parametrize('backbone', BACKBONES.values(), ids=BACKBONES)
def test_fused(backbone, load_tool, tmp_path, capsys):
    config = write(tmp_path, backbone)
    model = build_model(load_config(config))
    assert type(model).__module__ == f'{HOST}.models'
    assert list(rep_layers(model))
    randomize_norms(model)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'net.pth')
    out = tmp_path / 'fused.pth'
    load_tool('fuse').main([config, str(tmp_path / 'net.pth'), str(out)])
    assert 'which needs mmpose, no mmrep' in ''.join(capsys.readouterr())

    cfg = Config.fromfile(out.with_suffix('.py'))
    plain = build_model(cfg)
    assert cfg.model.backbone.type == 'ResNet'
    assert not list(rep_layers(plain))
    plain.load_state_dict(torch.load(out)['state_dict'], strict=True)
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        for a, b in zip(model.eval()(x), plain.eval()(x)):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_benchmark(load_tool, tmp_path):
    config = write(tmp_path)
    small = ['--size', '64', '64', '--batch-size', '2', '--rounds', '1']
    load_tool('benchmark').main([config, '--backbone', *small])
    load_tool('benchmark').main([config, '--inference', *small])
    cfg = load_config(config)
    with pytest.raises(
            UserError, match='no random labels for mmpose .*--back'):
        TrainingStep(cfg, training_model(cfg, (32, 32)), (32, 32), 1)


def test_no_dataset(tmp_path):
    with pytest.raises(UserError, match="mmpose's docs on its datasets"):
        check_datasets(load_config(write(tmp_path)))


def test_a_resnet_of_other_names_stays_ours(tmp_path):
    """mmaction's has other names; hosts that build on mmdet have mmdet's."""
    from mmrep.deploy.stock_config import plain_config
    kinds = {}
    for scope in OTHER_HOSTS:
        cfg = Config.fromfile(write(tmp_path))
        cfg.default_scope = scope
        cfg.model.backbone.pop('stem_channels')
        kinds[scope] = plain_config(cfg).model.backbone.type
    assert kinds == dict(
        mmpose='ResNet',
        mmyolo='mmdet.ResNet',
        mmrotate='mmdet.ResNet',
        mmdet3d='mmdet.ResNet',
        mmocr='mmdet.ResNet',
        mmaction='OREPAResNet')


@pytest.mark.parametrize('scope', sorted(set(OTHER_HOSTS) - {HOST}))
def test_not_installed(scope, tmp_path):
    path = tmp_path / 'a.py'
    path.write_text(f"default_scope = '{scope}'")
    with pytest.raises(UserError) as told:
        load_config(str(path))
    assert str(told.value).endswith(f'needs {scope}, which is not installed: '
                                    f'pip install {HOSTS[scope]}')


def test_pictures_are_refused(load_tool, tmp_path):
    tool = load_tool('test')
    cfg = load_config(write(tmp_path))
    cfg.work_dir = str(tmp_path)
    args = tool.parse_args(
        ['c.py', 'c.pth', '--show-dir',
         str(tmp_path / 'shown')])
    with pytest.raises(UserError, match='--show-dir draws .* not mmpose'):
        tool.check_outputs(cfg, args)
