"""tools/fuse.py fuses models of all hosts and refuses bad input."""
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmrep.deploy import deploy, relative_difference
from mmrep.deploy.verify import outputs
from mmrep.hosts import build_model, load_config
from mmrep.testing import randomize_norms

from ..refusals import refused

WITHOUT_MMREP = '''
import sys
sys.modules['mmrep'] = None  # any import of it fails
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import load_checkpoint

for config, checkpoint, x in zip(*[iter(sys.argv[1:])] * 3):
    cfg = Config.fromfile(config)
    init_default_scope(cfg.default_scope)
    model = MODELS.build(cfg.model)
    load_checkpoint(model, checkpoint, strict=True)
    features = model.eval().extract_feat(torch.load(x))
    torch.save(list(features), x)
'''


@pytest.fixture
def tool(load_tool):
    return load_tool('fuse')


@pytest.fixture
def fuse(tool):
    return tool.main


def trained(config, path, **extra):
    """A checkpoint as a Runner writes it, with random norms."""
    model = build_model(load_config(config))
    torch.manual_seed(0)
    randomize_norms(model)
    checkpoint = dict(
        meta=dict(epoch=3, dataset_meta=dict(classes=('a', 'b'))),
        state_dict=model.state_dict(),
        optimizer=dict(state={}),
        message_hub={},
        **extra)
    torch.save(checkpoint, path)
    return model.eval()


def run(fuse, config, tmp_path, *flags, checkpoint='net.pth'):
    out = tmp_path / 'out' / 'fused.pth'
    out.parent.mkdir(exist_ok=True)
    fuse([config, str(tmp_path / checkpoint), str(out), *flags])
    return out, out.with_suffix('.py')


def test_all_hosts_without_mmrep(fuse, tiny_seg, tiny_det, tiny_cls, tmp_path):
    arguments, expected = [], []
    for config in (tiny_seg, tiny_det, tiny_cls):
        folder = tmp_path / Path(config).stem
        folder.mkdir()
        model = trained(config, folder / 'net.pth')
        out, out_config = run(fuse, config, folder)
        checkpoint = torch.load(out, weights_only=True)
        assert set(checkpoint) == {'meta', 'state_dict'}
        assert checkpoint['meta']['epoch'] == 3
        assert checkpoint['meta']['dataset_meta']['classes'] == ('a', 'b')
        cfg = Config.fromfile(out_config)
        assert cfg.model.backbone.type == 'ResNet'
        assert 'mmrep' not in out_config.read_text()
        assert sorted(
            p.name for p in out.parent.iterdir()) == ['fused.pth', 'fused.py']
        x = torch.randn(1, 3, 64, 64)
        expected.append(outputs(model, x))
        torch.save(x, folder / 'x.pt')
        arguments += [out_config, out, folder / 'x.pt']
    subprocess.run([sys.executable, '-c', WITHOUT_MMREP, *arguments],
                   check=True)
    for features, path in zip(expected, arguments[2::3]):
        for a, b in zip(features, torch.load(path)):
            assert relative_difference(a, b) < 1e-5


def test_repvgg_conv_cfg_in_a_stock_resnet(fuse, tiny_seg, tmp_path):
    """Biases of the blocks go into the norms of a plain ResNet."""
    config = tmp_path / 'rich.py'
    config.write_text(f'''_base_ = {tiny_seg!r}
model = dict(backbone=dict(
    type='ResNet', conv_cfg=dict(type='RepVGGConv2d')))''')
    trained(str(config), tmp_path / 'net.pth')
    out, out_config = run(fuse, str(config), tmp_path)
    keys = torch.load(out, weights_only=True)['state_dict']
    assert 'backbone.layer1.0.conv1.weight' in keys
    assert not any(k.endswith('conv1.bias') for k in keys)
    assert 'mmrep' not in out_config.read_text()


def test_repvgg_backbone(fuse, tiny_cls, tmp_path):
    config = tmp_path / 'rich.py'
    config.write_text(f'''_base_ = {tiny_cls!r}
model = dict(
    backbone=dict(
        _delete_=True, type='RepVGGBackbone', arch='A0', base_channels=8,
        out_indices=(3, )),
    head=dict(in_channels=160))''')
    trained(str(config), tmp_path / 'net.pth')
    out, out_config = run(fuse, str(config), tmp_path)
    assert Config.fromfile(out_config).model.backbone.type == 'RepVGG'


def test_compares_on_an_image(fuse, tiny_seg, tmp_path):
    trained(tiny_seg, tmp_path / 'net.pth')
    image = next(Path(tiny_seg).parent.rglob('*_leftImg8bit.png'))
    out, _ = run(fuse, tiny_seg, tmp_path, '--image', str(image))
    assert out.exists()


@pytest.mark.parametrize('flag, key', [(None, 'state_dict'),
                                       ('--ema', 'state_dict'),
                                       ('--no-ema', 'ema_state_dict')])
def test_ema(fuse, tiny_seg, tmp_path, flag, key):
    """EMAHook saves averaged weights as state_dict, raw ones as EMA."""
    other = build_model(load_config(tiny_seg)).state_dict()
    raw = {f'module.{k}': v for k, v in other.items()}
    trained(
        tiny_seg,
        tmp_path / 'net.pth',
        ema_state_dict={
            'steps': torch.tensor(1),
            **raw
        })
    out, _ = run(fuse, tiny_seg, tmp_path, *[flag] if flag else [])
    source = torch.load(tmp_path / 'net.pth', weights_only=True)[key]
    fused = torch.load(out, weights_only=True)['state_dict']
    name = 'backbone.bn1.running_mean'
    prefix = 'module.' if key == 'ema_state_dict' else ''
    assert fused[name].equal(source[prefix + name])
    assert 'ema_state_dict' not in torch.load(out, weights_only=True)


@pytest.mark.parametrize('kind', ['model', 'whole'])
def test_weights_under_another_name(fuse, tiny_seg, tmp_path, kind):
    """A whole pickled model is read, too, if it is trusted."""
    model = trained(tiny_seg, tmp_path / 'net.pth')
    content = dict(model=model.state_dict()) if kind == 'model' else model
    torch.save(content, tmp_path / 'other.pth')
    flags = ['--trust-checkpoint'] if kind == 'whole' else []
    expected = torch.load(run(fuse, tiny_seg, tmp_path)[0])['state_dict']
    out, _ = run(fuse, tiny_seg, tmp_path, *flags, checkpoint='other.pth')
    written = torch.load(out)['state_dict']
    assert written.keys() == expected.keys()
    assert all(v.equal(expected[k]) for k, v in written.items())


def test_larger_difference_is_refused(tool, capsys, tiny_seg, tmp_path,
                                      monkeypatch):
    trained(tiny_seg, tmp_path / 'net.pth')
    monkeypatch.setattr('mmrep.deploy.trip.worst_difference',
                        lambda *_: 2.5e-3)
    message = refused(tool.main, capsys, tmp_path, tiny_seg,
                      tmp_path / 'net.pth', tmp_path / 'fused.pth')
    assert '2.5e-03' in message and '1e-04' in message


def test_a_failed_write_leaves_nothing(fuse, capsys, tiny_seg, tmp_path,
                                       monkeypatch):
    trained(tiny_seg, tmp_path / 'net.pth')

    def fail(source, target):
        raise OSError('disk full')

    monkeypatch.setattr('os.replace', fail)
    out = tmp_path / 'fused.pth'
    message = refused(fuse, capsys, tmp_path, tiny_seg, tmp_path / 'net.pth',
                      out)
    assert 'disk full' in message


def test_fused_already(fuse, capsys, tiny_seg, tmp_path):
    trained(tiny_seg, tmp_path / 'net.pth')
    out, out_config = run(fuse, tiny_seg, tmp_path)
    again = tmp_path / 'again.pth'
    for config in (tiny_seg, out_config):
        message = refused(fuse, capsys, tmp_path, config, out, again)
        assert 'fused already' in message


def test_bad_paths(fuse, capsys, tiny_seg, tmp_path):
    good = tmp_path / 'net.pth'
    trained(tiny_seg, good)
    truncated = tmp_path / 'truncated.pth'
    truncated.write_bytes(good.read_bytes()[:3000])
    text = tmp_path / 'text.pth'
    text.write_text('no checkpoint')
    out = tmp_path / 'fused.pth'
    own = tmp_path / 'own.py'
    own.write_text(f'_base_ = {tiny_seg!r}')
    (tmp_path / 'folder.py').mkdir()
    for arguments, part in [
        (('nowhere.py', good, out), 'nowhere.py'),
        ((tiny_seg, 'nowhere.pth', out), 'nowhere.pth'),
        ((tiny_seg, truncated, out), 'truncated'),
        ((tiny_seg, text, out), 'not a checkpoint'),
        ((tiny_seg, good, good), 'is what is to be fused'),
        ((tiny_seg, good, own.with_suffix('.pth')), 'not written by'),
        ((own, good, own.with_suffix('.pth')), 'is what is to be fused'),
        ((tiny_seg, good, tmp_path / 'folder.pth'), 'is a folder'),
        ((tiny_seg, good, tmp_path / 'out.onnx'), 'must end in .pth'),
        ((tiny_seg, good, tmp_path / 'no' / 'out.pth'), 'is not there'),
        ((tiny_seg, good, out, '--ema'), 'no EMA weights'),
        ((tiny_seg, good, out, '--image', 'no.jpg'), 'no.jpg'),
    ]:
        assert part in refused(fuse, capsys, tmp_path, *arguments)


def test_another_architecture(fuse, capsys, tiny_seg, tiny_det, tmp_path):
    trained(tiny_det, tmp_path / 'net.pth')
    message = refused(fuse, capsys, tmp_path, tiny_seg, tmp_path / 'net.pth',
                      tmp_path / 'fused.pth')
    assert 'decode_head' in message and 'another architecture' in message


def test_a_bias_without_a_place(fuse, capsys, tiny_det, tmp_path):
    config = tmp_path / 'rich.py'
    config.write_text(f"""_base_ = {tiny_det!r}
model = dict(bbox_head=dict(
    conv_cfg=dict(type='RepVGGConv2d'),
    norm_cfg=dict(type='GN', num_groups=4)))""")
    trained(str(config), tmp_path / 'net.pth')
    message = refused(fuse, capsys, tmp_path, config, tmp_path / 'net.pth',
                      tmp_path / 'fused.pth')
    assert 'bbox_head.cls_convs.0.conv' in message and 'a bias' in message


ODD = """
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from mmengine.registry import MODELS


@MODELS.register_module(force=True)
class OddNet(BaseModule):

    def __init__(self, bias, conv_cfg=None, init_cfg=None):
        super().__init__(init_cfg)
        self.block = ConvModule(
            3, 64, 3, padding=1, bias=bias, conv_cfg=conv_cfg,
            norm_cfg=dict(type='BN'), order=('conv', 'act', 'norm'))

    def forward(self, x):
        return self.block(x),
"""


@pytest.mark.parametrize('bias', ['auto', True])
def test_an_activation_before_the_norm(tool, fuse, capsys, tiny_seg, tmp_path,
                                       monkeypatch, bias):
    (tmp_path / 'odd_net.py').write_text(ODD)
    monkeypatch.syspath_prepend(tmp_path)
    config = tmp_path / 'rich.py'
    config.write_text(f"""_base_ = {tiny_seg!r}
custom_imports = dict(imports=['mmrep', 'odd_net'])
model = dict(backbone=dict(
    _delete_=True, type='OddNet', bias={bias!r},
    conv_cfg=dict(type='DBBConv2d')))""")
    trained(str(config), tmp_path / 'net.pth')
    if bias is True:
        told = []
        monkeypatch.setattr(tool, 'print_log',
                            lambda text, _: told.append(text))
        out, _ = run(fuse, str(config), tmp_path)
        assert 'backbone.block.conv.bias' in torch.load(out)['state_dict']
        assert "which needs its `custom_imports` 'odd_net' and" in told[0]
        return
    message = refused(fuse, capsys, tmp_path, config, tmp_path / 'net.pth',
                      tmp_path / 'fused.pth')
    assert 'backbone.block.conv' in message and 'a bias' in message


def test_shared_convs_with_norms_of_their_own(tiny_det, tmp_path):
    """Levels share convs but not norms: each norm takes the bias.

    The scores of this untrained net are the small difference of large
    numbers; float32 leaves them 3 digits. A bias taken once is 0.6 off.
    """
    config = tmp_path / 'rich.py'
    config.write_text(f"""_base_ = {tiny_det!r}
model = dict(
    neck=dict(num_outs=3, start_level=1, add_extra_convs=False),
    bbox_head=dict(
        _delete_=True,
        type='RTMDetSepBNHead',
        num_classes=2,
        in_channels=16,
        feat_channels=16,
        stacked_convs=2,
        share_conv=True,
        pred_kernel_size=1,
        norm_cfg=dict(type='BN'),
        conv_cfg=dict(type='RepVGGConv2d'),
        anchor_generator=dict(
            type='MlvlPointGenerator', offset=0, strides=[8, 16, 32]),
        bbox_coder=dict(type='DistancePointBBoxCoder'),
        loss_cls=dict(type='QualityFocalLoss', use_sigmoid=True),
        loss_bbox=dict(type='GIoULoss')))""")
    trained(str(config), tmp_path / 'net.pth')
    out = tmp_path / 'fused.pth'
    deploy(config, tmp_path / 'net.pth', out, tolerance=1e-2)
    keys = torch.load(out, weights_only=True)['state_dict']
    assert not any(
        key.endswith('conv.bias') and 'cls_convs' in key for key in keys)


def test_other_channels(fuse, tiny_seg, tmp_path):
    config = tmp_path / 'rich.py'
    config.write_text(f"""_base_ = {tiny_seg!r}
model = dict(backbone=dict(in_channels=4))""")
    trained(str(config), tmp_path / 'net.pth')
    assert run(fuse, str(config), tmp_path)[0].exists()


def test_nothing_to_fuse(fuse, capsys, tiny_seg, tmp_path):
    config = tmp_path / 'plain.py'
    config.write_text(f"_base_ = {tiny_seg!r}\n"
                      "model = dict(backbone=dict(type='ResNet'))")
    trained(str(config), tmp_path / 'net.pth')
    message = refused(fuse, capsys, tmp_path, config, tmp_path / 'net.pth',
                      tmp_path / 'fused.pth')
    assert 'nothing to fuse' in message
