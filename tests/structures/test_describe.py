"""A model's structure as plain data, and back."""
import json

import pytest
import torch
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
    """Make an evolved net: each layer differs, one is nested and shared."""
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
    """An OREPA-VGG layer that loaded the weights of a RepVGG has no kxk."""
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


def nested(depth):
    config = dict(type='DBBConv2d', branches=[])
    for _ in range(depth - 1):
        config = dict(type='DBBConv2d', branches=[], kxk=config)
    return config


def wide(depth):
    """Return a config with two blocks in each block, as the same objects."""
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
    """Each config ends at once in a sentence and changes nothing."""
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
