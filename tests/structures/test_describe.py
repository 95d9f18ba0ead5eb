"""A model's structure as plain data, and back."""
import json
import sys

import pytest
import torch
from mmengine.registry import MODELS, init_default_scope
from torch import nn

import mmrep
from mmrep import DBBConv2d, OREPAConv2d, UserError
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
    """Nothing has grown, or it is another file than the user thinks."""
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


def nested(depth):
    config = dict(type='DBBConv2d', branches=[])
    for _ in range(depth - 1):
        config = dict(type='DBBConv2d', branches=[], kxk=config)
    return config


def wide(depth):
    """Two blocks in each block, which are the same objects."""
    config = dict(type='DBBConv2d', branches=[])
    for _ in range(depth):
        config = dict(
            type='DBBConv2d',
            branches={'1x1_kxk': dict(second=config)},
            kxk=config)
    return config


BN = dict(type='BN')
ODD = dict(
    none=None,
    a_list=['DBBConv2d'],
    a_number=3,
    a_name='DBBConv2d',
    type_none=dict(type=None),
    type_number=dict(type=3),
    type_list=dict(type=['DBBConv2d']),
    type_dict=dict(type=dict(type='DBBConv2d')),
    type_module=dict(type='mmrep.DBBConv2d'),
    type_abstract=dict(type='RepConv2d'),
    type_other=dict(type='ResNet'),
    option=dict(type='DBBConv2d', depth=3),
    option_of_conv=dict(type='DBBConv2d', stride=2),
    option_bias=dict(type='DBBConv2d', bias=False),
    key={
        'type': 'DBBConv2d',
        3: 4
    },
    branches_number=dict(type='DBBConv2d', branches=3),
    branches_orepa=dict(type='OREPAConv2d', branches=3),
    branches_nested=dict(type='DBBConv2d', branches=[['1x1']]),
    branches_many=dict(
        type='DBBConv2d', branches=[f'kxk_{i}' for i in range(10**6)]),
    branches_many_orepa=dict(
        type='OREPAConv2d', branches=list(map(str, range(10**6)))),
    branches_long=dict(type='OREPAConv2d', branches=['x' * 10**6]),
    scaling=dict(type='OREPAConv2d', scaling=[1]),
    num_convs=dict(type='MobileOneConv2d', num_convs=10**7),
    num_convs_float=dict(type='MobileOneConv2d', num_convs=1.5),
    num_convs_bool=dict(type='MobileOneConv2d', num_convs=True),
    channels=dict(
        type='DBBConv2d', branches={'1x1_kxk': dict(channels=10**12)}),
    norm=dict(type='DBBConv2d', norm_cfg='BN'),
    norm_type=dict(type='DBBConv2d', norm_cfg=dict(type='os.system')),
    norm_number=dict(type='DBBConv2d', norm_cfg={
        **BN, 'eps': float('nan')
    }),
    norms=dict(type='DBBConv2d', norms=7),
    kxk=dict(type='DBBConv2d', kxk='DBBConv2d'),
    kxk_true=dict(type='DBBConv2d', kxk=True),
    kxk_list=dict(type='DBBConv2d', kxk=[dict(type='DBBConv2d')]),
    kxk_type=dict(type='DBBConv2d', kxk=dict(type='os.system')),
    kxk_norm=dict(type='DBBConv2d', kxk=dict(type='DBBConv2d', norm_cfg='BN')),
    second=dict(type='DBBConv2d', branches={'1x1_kxk': dict(second=3)}),
    second_type=dict(
        type='DBBConv2d',
        branches={'1x1_kxk': dict(second=dict(type='os.system'))}),
    deep=nested(100),
    deeper=nested(10**5),
    one_too_deep=nested(17),
    wide=wide(14),
)


@pytest.mark.parametrize('odd', ODD)
def test_odd_configs(net, odd):
    """Each ends at once, in a sentence, and changes nothing."""
    before = dict(net.named_modules())
    weights = {k: v.clone() for k, v in net.state_dict().items()}
    with pytest.raises(UserError, match="structure of layer '5' is") as error:
        mmrep.restructure(net, {**mmrep.structure(net), '5': ODD[odd]})
    message = str(error.value)
    assert '\n' not in message and len(message) < 700
    assert dict(net.named_modules()) == before
    for name, value in net.state_dict().items():
        assert torch.equal(value, weights[name])


@pytest.mark.parametrize(
    'structure',
    [None, [], 3, 'DBBConv2d', {
        3: {}
    }, {
        None: {}
    }, {
        ('0', ): {}
    }])
def test_odd_structures(net, structure):
    with pytest.raises(UserError, match='structure'):
        mmrep.restructure(net, structure)


def test_as_deep_as_it_may_be():
    conv = nn.Conv2d(2, 2, 3, padding=1).eval()
    x = torch.randn(1, 2, 4, 4)
    layer = mmrep.restructure(conv, {'': nested(16)})
    assert relative_difference(conv(x), layer.eval()(x)) < 1e-5


def test_two_configs_for_one_layer(net):
    """`2` and `4` are the same convolution."""
    one, other = [dict(type='DBBConv2d', branches=[b]) for b in ('1x1', '1xk')]
    with pytest.raises(UserError, match="'4' is a second name"):
        mmrep.restructure(net, {'2': one, '4': other})
    mmrep.restructure(net, {'2': one, '4': dict(one)})
    assert list(net[4].branches) == ['1x1']


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
