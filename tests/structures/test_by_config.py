"""Modules of a config are built with the structure of others."""
import json
import sys

import pytest
import torch
from mmengine.registry import MODELS, init_default_scope

import mmrep
from mmrep import UserError
from mmrep.testing import randomize_norms

RICH = dict(
    type='DBBResNet',
    depth=18,
    base_channels=4,
    conv_cfg=dict(type='DBBConv2d', branches=['1x1']))


@pytest.mark.parametrize('prefix', ['', 'backbone.', 'module.backbone.'])
def test_by_a_checkpoint_of_the_module_or_of_a_model(prefix, tmp_path):
    path = str(tmp_path / 'net.pth')
    evolved = MODELS.build({**RICH, 'conv_cfg': dict(type='ACBConv2d')})
    weights = {f'{prefix}{k}': v for k, v in evolved.state_dict().items()}
    torch.save({**weights, 'module.neck.weight': torch.ones(1)}, path)
    built = MODELS.build(
        dict(type='Restructured', model={
            **RICH, 'conv_cfg':
            dict(type='DBBConv2d', branches=())
        }, structure=path))  # yapf: disable
    assert list(built.state_dict()) == list(evolved.state_dict())
    assert list(built.layer1[0].conv1.branches) == ['1xk', 'kx1']


@pytest.mark.parametrize('where', ['inside', 'around'])
def test_by_the_checkpoint_from_which_it_starts(where, tmp_path):
    path = str(tmp_path / 'net.pth')
    evolved = randomize_norms(MODELS.build(RICH))
    weights = {f'backbone.{k}': v for k, v in evolved.state_dict().items()}
    torch.save(weights, path)
    init = dict(type='Pretrained', checkpoint=path, prefix='backbone.')
    stock = dict(type='mmdet.ResNet', depth=18, base_channels=4)
    config = dict(type='Restructured', model=stock)
    (stock if where == 'inside' else config).update(init_cfg=init)
    built = MODELS.build(config)
    built.init_weights()
    assert list(built.state_dict()) == list(evolved.state_dict())
    for name, tensor in evolved.state_dict().items():
        assert tensor.equal(built.state_dict()[name])


@pytest.mark.parametrize('init', [
    None,
    dict(type='Kaiming', layer='Conv2d'),
    dict(type='Pretrained', checkpoint='torchvision://resnet18')
])
def test_no_checkpoint_to_start_from(init):
    with pytest.raises(UserError, match=r'`structure` \(=None\) of Restr'):
        MODELS.build(dict(type='Restructured', model=RICH, init_cfg=init))


def test_by_a_checkpoint_of_something_else(tmp_path):
    path = str(tmp_path / 'net.pth')
    torch.save({'backbone.stem.weight': torch.ones(1)}, path)
    with pytest.raises(ValueError, match="no weights of the layer 'conv1'"):
        MODELS.build(dict(type='Restructured', model=RICH, structure=path))


def test_by_a_checkpoint_of_the_plain_net(tmp_path, monkeypatch):
    """A warning tells that nothing has grown, or that the file is another."""
    path = str(tmp_path / 'net.pth')
    init_default_scope('mmdet')
    stock = dict(type='mmdet.ResNet', depth=18, base_channels=4)
    torch.save(MODELS.build(stock).state_dict(), path)
    said = []
    monkeypatch.setattr(sys.modules['mmrep.structures.by_config'], 'print_log',
                        lambda message, *_: said.append(message))
    MODELS.build(dict(type='Restructured', model=stock, structure=path))
    assert said == [
        f'Restructured: this ResNet stays plain, the checkpoint {path!r} has '
        'no branches for it'
    ]


def test_by_a_checkpoint_for_a_plain_net(tmp_path):
    path = str(tmp_path / 'net.pth')
    evolved = randomize_norms(MODELS.build(RICH))
    torch.save(evolved.state_dict(), path)
    init_default_scope('mmdet')
    stock = dict(type='mmdet.ResNet', depth=18, base_channels=4)
    built = MODELS.build(
        dict(type='Restructured', model=stock, structure=path))
    assert list(built.state_dict()) == list(evolved.state_dict())
    built.load_state_dict(evolved.state_dict())
    for net in (built, evolved):
        net.eval()
    x = torch.randn(1, 3, 64, 64)
    for a, b in zip(built(x), evolved(x), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize('scope', ['mmdet', 'mmseg', 'mmpretrain'])
def test_by_config(scope, tmp_path):
    init_default_scope(scope)
    model = dict(type='ResNet', depth=18, base_channels=8)
    evolved = MODELS.build(model)
    mmrep.reparameterize(evolved, 'DBBConv2d', include='layer2')
    path = tmp_path / 'structure.json'
    path.write_text(json.dumps(mmrep.structure(evolved)))
    for structure in (str(path), mmrep.structure(evolved)):
        backbone = MODELS.build(
            dict(type='Restructured', model=model, structure=structure))
        backbone.load_state_dict(evolved.state_dict(), strict=True)


@pytest.mark.parametrize('text, message', [
    (b'[1, 2]', 'a structure .* must be a dict'),
    (b'null', 'a structure .* must be a dict'),
    (b'{"conv1": {', 'cannot read the structure'),
    (b'\xff\xfe', 'cannot read the structure'),
    (b'', 'cannot read the structure'),
    (b'[' * 10**6, 'in blocks without an end'),
    (b'{"conv1": {}, "conv1": {}}', "it has 'conv1' twice"),
    (b'{"conv1": {"type": "mmrep_no_such.X"}}', "layer 'conv1' is impossible"),
    (None, 'cannot read the structure'),
])
def test_odd_files(tmp_path, text, message):
    path = tmp_path / 'net.json'
    if text is not None:
        path.write_bytes(text)
    for where in (path, str(path)):
        with pytest.raises(UserError, match=message):
            MODELS.build(
                dict(type='Restructured', model=RICH, structure=where))


@pytest.mark.parametrize('place', ['type', 'norm_cfg', 'kxk', 'second'])
def test_a_file_imports_nothing(tmp_path, monkeypatch, place):
    mark = tmp_path / 'imported'
    (tmp_path / 'mmrep_test_evil.py').write_text(f'open({str(mark)!r}, "w")')
    monkeypatch.syspath_prepend(str(tmp_path))
    bad = dict(type='mmrep_test_evil.X')
    config = dict(
        type=bad,
        norm_cfg=dict(type='DBBConv2d', norm_cfg=bad),
        kxk=dict(type='DBBConv2d', kxk=bad),
        second=dict(type='DBBConv2d', branches={'1x1_kxk':
                                                dict(second=bad)}))[place]
    path = tmp_path / 'net.json'
    path.write_text(json.dumps({'conv1': config}))
    with pytest.raises(UserError, match="layer 'conv1' is impossible"):
        MODELS.build(
            dict(type='Restructured', model=RICH, structure=str(path)))
    assert not mark.exists() and 'mmrep_test_evil' not in sys.modules
