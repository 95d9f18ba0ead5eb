"""State dicts that fit only in part, and the warnings about them."""
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import mmrep
from mmrep import ACBConv2d, DBBConv2d, OREPAConv2d, RepVGGConv2d
from mmrep.deploy import relative_difference
from mmrep.testing import randomize_norms

INNER = [
    dict(kxk=dict(type='ACBConv2d')),
    dict(kxk=dict(type='OREPAConv2d', scaling='none')),
    dict(kxk=dict(type='DBBConv2d', norm_cfg=dict(type='BN', eps=0.1))),
    dict(branches={'1x1_kxk': dict(second=dict(type='RepVGGConv2d'))}),
    dict(
        branches={'1x1_kxk': dict(second=dict(type='DBBConv2d'))},
        norm_cfg=dict(type='SyncBN')),
]


def make(**options):
    return DBBConv2d(8, 8, 3, padding=1, bias=False, **options)


@pytest.mark.parametrize('options', INNER, ids=str)
def test_own_weights_change_no_parameter(options):
    layer = make(**options)
    before = list(layer.parameters())
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        layer.load_state_dict({
            k: v.clone()
            for k, v in layer.state_dict().items()
        })
    assert all(a is b for a, b in zip(before, layer.parameters()))


@pytest.mark.parametrize('options', INNER, ids=str)
def test_blocks_inside_keep_their_type_and_norms(options):
    """A block inside keeps what it is if the weights add another branch."""
    layer = make(**options)
    other = make(**options)
    names = {**other.options()['branches'], 'kx1': {}, 'identity': {}}
    other.set_options(**{**other.options(), 'branches': names})
    randomize_norms(other).eval()
    with pytest.warns(UserWarning, match='has taken over the branches'):
        layer.load_state_dict(other.state_dict())
    assert layer.options() == other.options()
    x = torch.randn(2, 8, 7, 7)
    assert relative_difference(other(x), layer.eval()(x)) < 1e-5


@pytest.mark.parametrize('keep', [
    lambda name: 'running' in name,
    lambda name: name.startswith('branches.1x1.'),
    lambda name: name == 'norm.num_batches_tracked',
])
def test_a_part_of_the_weights_changes_no_structure(keep):
    layer, weights = make(), make().state_dict()
    before = list(layer.state_dict())
    some = {name: tensor for name, tensor in weights.items() if keep(name)}
    assert some
    faults = layer.load_state_dict(some, strict=False)
    assert faults.missing_keys and list(layer.state_dict()) == before


@pytest.mark.parametrize('layer, broken', [
    (OREPAConv2d(8, 8, 3), dict(scale=torch.ones(6))),
    (OREPAConv2d(8, 8, 3), dict(weight=None)),
    (OREPAConv2d(8, 8, 3), dict(scale=torch.ones(7, 8))),
    (make(), {'branches.1x1_kxk.first': None}),
    (make(groups=2), {'branches.1x1_kxk.first': torch.zeros(3, 4, 1, 1)}),
    (make(), {'norm.weight': None}),
    (make(kxk=dict(type='OREPAConv2d')), {'kxk.weight': None}),
], ids=str)  # yapf: disable
def test_damaged_weights_are_told_by_name(layer, broken):
    weights = {**layer.state_dict(), **broken}
    weights = {k: v for k, v in weights.items() if v is not None}
    before = list(layer.parameters())
    with pytest.raises(RuntimeError, match=next(iter(broken))):
        layer.load_state_dict(weights)
    assert all(a is b for a, b in zip(before, layer.parameters()))


@pytest.mark.parametrize('cls', [DBBConv2d, RepVGGConv2d, ACBConv2d])
def test_branches_learn_under_frozen_norms(cls):
    """Branches learn under norms that do not, as in mmdet's caffe configs."""
    frozen = dict(type='BN', requires_grad=False)
    layer = cls(8, 8, 3, padding=1, bias=False, norm_cfg=frozen)
    conv = nn.Conv2d(8, 8, 3, padding=1, bias=False)
    layer.load_state_dict(conv.state_dict())
    x = torch.randn(2, 8, 9, 9)
    assert relative_difference(conv(x), layer.eval()(x)) < 1e-5
    optimizer = torch.optim.SGD(
        [p for p in layer.parameters() if p.requires_grad], lr=0.1)
    before = {n: p.clone() for n, p in layer.named_parameters()}
    for _ in range(3):
        optimizer.zero_grad()
        layer(x).square().mean().backward()
        optimizer.step()
    still = [
        n for n, p in layer.named_parameters()
        if p.requires_grad and p.equal(before[n])
    ]
    assert not still


def test_a_frozen_layer_can_be_calibrated():
    """Frozen weights do not stop the statistics, as in nn.BatchNorm2d."""
    layer, x = make().requires_grad_(False).train(), torch.randn(2, 8, 9, 9)
    before = layer.norm.running_mean.clone()
    out = F.conv2d(x, layer.weight, None, layer.stride, layer.padding)
    layer(x)
    expected = 0.9 * before + 0.1 * out.mean((0, 2, 3))
    torch.testing.assert_close(layer.norm.running_mean, expected)


def test_init_weights_keeps_the_bias():
    layer = mmrep.DBBConv2d(8, 8, 3)
    nn.init.constant_(layer.bias, -4.6)
    weight = layer.weight.clone()
    layer.init_weights()
    assert (layer.bias == -4.6).all() and not layer.weight.equal(weight)


@pytest.mark.parametrize(
    'weights',
    [dict(weight=3), {
        'weight': None
    }, {
        'branches.1x1.weight': 'x'
    }])
def test_what_is_no_tensor(weights):
    with pytest.raises(RuntimeError, match='expected torch.Tensor or Tensor'):
        make().load_state_dict(weights, strict=False)
