"""Branches of all blocks that add features."""
import json

import pytest
import torch
from torch import nn

import mmrep
from mmrep import ACBConv2d, DBBConv2d, QARepVGGConv2d, RepVGGConv2d
from mmrep.deploy import relative_difference
from mmrep.testing import randomize_norms

SEVEN = ('1x1', '1x1_kxk', '1x1_average', '1xk', 'kx1', 'identity')
NESTED = dict(
    branches={
        '1x1': {},
        '1x1_kxk':
        dict(second=dict(type='DBBConv2d', branches=('1xk', '1x1_kxk')))
    },
    kxk=dict(type='DBBConv2d', branches=SEVEN))
STRUCTURES = [
    dict(),
    dict(branches=(), norms=()),
    dict(branches=SEVEN),
    dict(branches=('identity', '1x1'), norms=('sum', )),
    dict(
        branches=('kxk_1', 'kxk_10', '2x3'), norms=('kxk', 'branches', 'sum')),
    dict(branches={'1x1_kxk': dict(channels=12)}, norms=('branches', )),
    dict(kxk=dict(type='OREPAConv2d', scaling='scalar')),
    dict(kxk=dict(type='OREPAConv2d', branches=['average'])),
    NESTED,
]
over_structures = pytest.mark.parametrize('structure', STRUCTURES, ids=str)


def make(structure, cls=DBBConv2d, **kwargs):
    layer = cls(8, 8, 3, padding=1, dtype=torch.float64, **structure, **kwargs)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    return randomize_norms(layer).eval()


def image():
    return torch.randn(2, 8, 9, 9, dtype=torch.float64)


@over_structures
def test_fuses(structure):
    layer, x = make(structure), image()
    branch_by_branch = layer.forward_branches(x)
    assert relative_difference(branch_by_branch, layer.fuse()(x)) < 1e-10


@over_structures
@pytest.mark.parametrize('other', STRUCTURES[:3] + STRUCTURES[-1:], ids=str)
def test_a_state_dict_brings_its_structure(structure, other):
    layer, fresh, x = make(structure), make(other), image()
    # a plain convolution's weights bring no branches: present ones go silent
    plain = structure.get('branches') == ()
    fresh.load_state_dict(layer.state_dict(), strict=True)
    assert relative_difference(layer(x), fresh(x)) < 1e-10
    if not plain:
        assert fresh.options() == layer.options()
        assert list(fresh.state_dict()) == list(layer.state_dict())


@over_structures
def test_options_are_plain_data(structure):
    layer = make(structure)
    options = json.loads(json.dumps(layer.options()))
    twin = make(options)
    assert twin.options() == layer.options()
    assert list(twin.state_dict()) == list(layer.state_dict())


@over_structures
def test_from_conv(structure):
    conv, x = nn.Conv2d(8, 8, 3, padding=1, dtype=torch.float64), image()
    before = conv.weight.clone()
    layer = DBBConv2d.from_conv(conv, **structure).eval()
    assert relative_difference(conv(x), layer.forward_branches(x)) < 1e-10
    assert layer.origin is conv.weight and conv.weight.equal(before)
    # the plain weights load back into any structure
    other = make(structure)
    other.load_state_dict(conv.state_dict())
    assert relative_difference(conv(x), other(x)) < 1e-10


def test_names_of_a_layer_without_branches_are_those_of_a_conv():
    layer = DBBConv2d(8, 8, 3, branches=(), norms=())
    assert set(layer.state_dict()) == {'weight', 'bias'}
    x = torch.randn(1, 8, 5, 5)
    conv = layer.fuse()
    assert torch.equal(layer(x), conv(x)) and layer.training


def test_changed_branches_keep_what_stays():
    layer = DBBConv2d(8, 8, 3, branches=('1xk', '1x1'), bias=False)
    before = dict(layer.named_parameters())
    layer.set_options(branches=('1x1', 'kx1'), norms=('kxk', 'branches'))
    after = dict(layer.named_parameters())
    assert list(layer.branches) == ['1x1', 'kx1']
    assert not any('1xk' in name for name in after)
    kept = [name for name in before if '1xk' not in name]
    assert kept and all(after[name] is before[name] for name in kept)


def test_order_does_not_depend_on_how_it_grew():
    grown = DBBConv2d(8, 8, 3, branches=('identity', ))
    grown.set_options(SEVEN[::-1], ('kxk', 'branches'))
    made = DBBConv2d(8, 8, 3, branches=SEVEN)
    assert list(grown.state_dict()) == list(made.state_dict())


@pytest.mark.parametrize('frozen', [True, False])
def test_new_branches_follow_what_is_around_them(frozen):
    layer = DBBConv2d(8, 8, 3, branches=('1x1', ), dtype=torch.float64)
    if frozen:
        layer.requires_grad_(False)
        for norm in layer.norms_inside():
            norm.eval()
    layer.set_options(('1x1', 'identity'), ('kxk', 'branches'))
    assert layer.training
    norm = layer.branches['identity'].norm
    assert norm.training != frozen and norm.weight.dtype == torch.float64
    assert all(p.requires_grad != frozen for p in layer.parameters())


def test_frozen_by_norm_cfg():
    cfg = dict(type='BN', requires_grad=False, eps=0.1)
    layer = DBBConv2d(8, 8, 3, padding=1, norm_cfg=cfg)
    norms = [p for n, p in layer.named_parameters() if 'norm' in n]
    assert norms and not any(p.requires_grad for p in norms)
    conv = nn.Conv2d(8, 8, 3, padding=1)
    layer = DBBConv2d.from_conv(conv, norm_cfg=cfg).eval()
    assert layer.weight.requires_grad and not layer.norm.weight.requires_grad
    x = torch.randn(2, 8, 9, 9)
    assert relative_difference(conv(x), layer(x)) < 1e-5


@pytest.mark.parametrize('kwargs, kept', [
    (dict(out_channels=16), '1x1 1x1_kxk 1x1_average 1xk kx1'),
    (dict(stride=2), '1x1 1x1_kxk 1x1_average 1xk kx1'),
    (dict(kernel_size=1), '1x1_kxk identity'),
    (dict(kernel_size=(1, 3)), '1x1 1x1_kxk 1x1_average identity'),
    (dict(kernel_size=(3, 1)), '1x1 1x1_kxk 1x1_average identity'),
])
def test_branches_that_cannot_be_are_left_out(kwargs, kept):
    arguments = dict(in_channels=8, out_channels=8, kernel_size=3) | kwargs
    layer = DBBConv2d(branches=SEVEN, **arguments)
    assert ' '.join(layer.branches) == kept


def test_sizes_that_do_not_fit_are_left_out():
    names = ('5x5', '3x3_d2', '5x5_d2', '7x7', '1x9')
    layer = ACBConv2d(8, 8, 7, branches=names)
    assert list(layer.branches) == ['3x3_d2', '5x5']


def test_a_bias_goes_into_the_last_norm():
    for cls in (RepVGGConv2d, QARepVGGConv2d):
        conv = nn.Conv2d(8, 8, 3, padding=1)
        layer = cls(8, 8, 3, padding=1, bias=False)
        layer.load_state_dict(conv.state_dict())
        x = torch.randn(2, 8, 9, 9)
        assert relative_difference(conv(x), layer.eval()(x)) < 1e-5


def test_weights_of_another_block_are_not_ours():
    orepa, dbb = mmrep.OREPAConv2d(8, 8, 3), DBBConv2d(8, 8, 3)
    for layer, other in ((dbb, orepa), (orepa, dbb)):
        before = list(layer.state_dict())
        faults = layer.load_state_dict(other.state_dict(), strict=False)
        assert faults.missing_keys and faults.unexpected_keys
        assert list(layer.state_dict()) == before


def test_a_class_as_the_type_of_the_norm():
    cfg = dict(type=nn.BatchNorm2d, eps=0.1)
    layer = DBBConv2d(8, 8, 3, norm_cfg=cfg)
    options = json.loads(json.dumps(layer.options()))
    twin = DBBConv2d(8, 8, 3, **options)
    assert type(twin.norm) is nn.BatchNorm2d and twin.norm.eps == 0.1


def test_nesting_undone_keeps_the_parameter():
    layer = DBBConv2d(8, 8, 3, kxk=dict(type='DBBConv2d'))
    weight = layer.origin
    layer.set_options(branches=(), norms=())
    assert layer.weight is weight and layer.kxk is None


def test_mixed_precision_and_sync_norms():
    layer = make(dict(branches=SEVEN), norm_cfg=dict(type='SyncBN')).float()
    assert all(isinstance(n, nn.SyncBatchNorm) for n in layer.norms_inside())
    x = image().float()
    expected = layer.forward_branches(x)
    assert relative_difference(expected, layer(x)) < 1e-5
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert layer(x).dtype == torch.bfloat16
        assert relative_difference(expected, layer(x).float()) < 0.05


@pytest.mark.parametrize('options, message', [
    (dict(branches='3x4x5'), r"`branches` has '3x4x5', it may have 1x1, "),
    (dict(branches=('1x1', 'avg')), "`branches` has 'avg'"),
    (dict(norms=('outer', )), r"`norms` \(=\('outer',\)\) must be some of"),
    (dict(norms='kxk'), "branch '1x1_(kxk|average)' needs its norms"),
    (dict(branches='identity', norms='sum'), "'identity' without a norm"),
    (dict(kxk=dict(type='Conv2d')), 'must be a re-parameterized layer'),
    (dict(kxk=dict(branches=())), 'must be a re-parameterized layer'),
    (dict(branches={'1x1_kxk': dict(second=dict(type='BN'))}),
     'must be a re-parameterized layer'),
    (dict(branches={'1x1': dict(a=1)}), "branch '1x1' has options .*'a'"),
])
def test_impossible_options(options, message):
    with pytest.raises(ValueError, match=message):
        DBBConv2d(8, 8, 3, **options)
