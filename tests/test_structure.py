"""A model's structure as plain data, and back."""
import json

import pytest
import torch
from mmengine.registry import MODELS, init_default_scope
from torch import nn

import mmrep
from mmrep import DBBConv2d, OREPAConv2d
from mmrep.deploy import relative_difference
from mmrep.testing import randomize_norms


def plain():
    torch.manual_seed(0)
    shared = nn.Conv2d(4, 4, 3, padding=1)
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), shared, nn.ReLU(),
        shared, nn.Conv2d(4, 4, 1))
    return randomize_norms(net).eval()


@pytest.fixture
def net():
    """Evolved: an own structure per layer, one nested, one shared."""
    net = plain()
    mmrep.reparameterize(net, 'OREPAConv2d', include='0')
    nested = dict(
        type='DBBConv2d',
        branches={
            '1x1_kxk': dict(second=dict(type='DBBConv2d', branches=['1xk']))
        },
        kxk=dict(type='DBBConv2d', branches=['kx1', 'identity']))
    mmrep.reparameterize(net, nested, include='2')
    return randomize_norms(net)


def test_describes(net):
    data = mmrep.structure(net)
    assert list(data) == ['0', '2']
    assert data['0'] == dict(
        type='OREPAConv2d', branches=net[0].names, scaling='vector')
    assert json.loads(json.dumps(data)) == data
    assert data['2']['kxk']['branches'] == dict(kx1={}, identity={})
    assert mmrep.structure(plain()) == {}


def test_rebuilds(net):
    data, other = json.loads(json.dumps(mmrep.structure(net))), plain()
    x = torch.randn(2, 3, 8, 8)
    expected, weight = other(x), other[0].weight
    assert mmrep.restructure(other, data) is other
    assert other[0].weight is weight and other[2] is other[4]
    assert relative_difference(expected, other(x)) < 1e-5
    assert mmrep.structure(other) == data
    other.load_state_dict(net.state_dict(), strict=True)
    assert torch.equal(net(x), other(x))


def test_layers_with_their_structure_stay(net):
    before = dict(net.named_modules())
    mmrep.restructure(net, mmrep.structure(net))
    assert dict(net.named_modules()) == before


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


def test_by_a_checkpoint_of_something_else(tmp_path):
    path = str(tmp_path / 'net.pth')
    torch.save({'backbone.stem.weight': torch.ones(1)}, path)
    with pytest.raises(ValueError, match="no weights of the layer 'conv1'"):
        MODELS.build(dict(type='Restructured', model=RICH, structure=path))


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


def test_a_bias_that_was_not_there_stays_away():
    net = nn.Sequential(DBBConv2d(4, 4, 3, bias=False),
                        nn.BatchNorm2d(4)).eval()
    randomize_norms(net)
    x = torch.randn(2, 4, 8, 8)
    expected = net(x)
    wanted = mmrep.RepVGGConv2d(4, 4, 3, bias=False)
    mmrep.restructure(net, {'0': wanted.config()})
    assert net[0].bias is None
    assert relative_difference(expected, net(x)) < 1e-5


def test_orepa_stems_made_from_a_convolution():
    layer = OREPAConv2d.from_conv(nn.Conv2d(3, 4, 7))
    names = list(dict(layer.named_parameters()))
    twin = mmrep.restructure(nn.Conv2d(3, 4, 7), mmrep.structure(layer))
    assert list(dict(twin.named_parameters())) == names
    fresh = OREPAConv2d(3, 4, 7)
    fresh.load_state_dict(layer.state_dict())
    assert list(dict(fresh.named_parameters())) == names


def test_scales_that_are_there_stay():
    layer = OREPAConv2d(4, 4, 3)
    nn.init.uniform_(layer.scale)
    before = dict(zip(layer.names, layer.scale.clone()))
    layer.set_options(branches=['origin', 'prior', '1x1'])
    for row, name in zip(layer.scale, layer.names):
        assert row.equal(before[name])


def test_a_kxk_that_is_not_there_stays_away():
    """An OREPA-VGG layer that has loaded the weights of a RepVGG."""
    net = nn.Sequential(mmrep.OREPAVGGConv2d(4, 4, 3, padding=1))
    official = nn.Sequential(mmrep.RepVGGConv2d(4, 4, 3, padding=1))
    net.load_state_dict(official.state_dict())
    data = json.loads(json.dumps(mmrep.structure(net)))
    other = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1))
    mmrep.restructure(other, data).load_state_dict(net.state_dict())
    assert other[0].kxk is None and mmrep.structure(other) == data


def test_other_layers_are_made_anew_and_compute_the_same(net):
    x = torch.randn(2, 3, 8, 8)
    expected = net(x)
    mmrep.restructure(
        net, {
            '0': dict(type='DBBConv2d', branches=['1x1']),
            '5': dict(type='OREPAConv2d')
        })
    assert type(net[0]) is DBBConv2d and type(net[2]) is nn.Conv2d
    assert type(net[5]) is OREPAConv2d and net[2] is net[4]
    assert relative_difference(expected, net(x)) < 1e-5
    mmrep.restructure(net, {})
    assert mmrep.structure(net) == {}
    assert relative_difference(expected, net(x)) < 1e-5


@pytest.mark.parametrize('structure, error, message', [
    ({'6': dict(type='DBBConv2d')}, ValueError, "a layer '6', the model"),
    ({'1': dict(type='DBBConv2d')}, TypeError, "'1' cannot be made rich: it "
     'is a BatchNorm2d'),
    ({'5': dict(type='X')}, ValueError, r"`type` \(='X'\) must be one of"),
    ({'5': dict(branches=[])}, ValueError, "'5' names no `type`"),
    ({'5': dict(type='DBBConv2d', branches=['avg'])}, ValueError, "'avg'"),
])  # yapf: disable
def test_of_another_model(net, structure, error, message):
    before = dict(net.named_modules())
    with pytest.raises(error, match=message):
        mmrep.restructure(net, {**mmrep.structure(net), **structure})
    assert dict(net.named_modules()) == before


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
