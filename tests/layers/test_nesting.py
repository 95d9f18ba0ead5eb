"""Blocks take the place of kernels and give it back."""
import copy

import pytest
import torch
from torch import nn

from mmrep import ACBConv2d, BranchedConv2d, DBBConv2d, RepVGGConv2d, UserError
from mmrep.deploy import relative_difference
from mmrep.testing import randomize_norms

SEVEN = ('1x1', '1x1_kxk', '1x1_average', '1xk', 'kx1', 'identity')
PLACES = ['kxk', 'second']
GEOMETRIES = [
    dict(),
    dict(stride=2, padding=2, dilation=2),
    dict(groups=2),
    dict(groups=8),
    dict(padding_mode='reflect'),
    dict(kernel_size=(1, 3), padding='same'),
    dict(kernel_size=5, padding=(2, 1), bias=False),
]
over_places = pytest.mark.parametrize('place', PLACES)
over_geometries = pytest.mark.parametrize('options', GEOMETRIES, ids=str)


def make(cls=DBBConv2d, branches=SEVEN, **options):
    torch.manual_seed(0)
    arguments = dict(kernel_size=3, padding=1, dtype=torch.float64)
    layer = cls(8, 8, branches=branches, **{**arguments, **options})
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    return randomize_norms(layer)


def kernel_at(layer, place):
    return layer.weight if place == 'kxk' else (
        layer.branches['1x1_kxk'].second)


def outputs(layer):
    """Return the outputs in both modes, without moving statistics."""
    torch.manual_seed(1)
    x, out = torch.randn(2, 8, 9, 9, dtype=torch.float64), []
    for twin in (copy.deepcopy(layer).train(), copy.deepcopy(layer).eval()):
        out += [twin(x), twin.forward_branches(x)]
    return torch.cat([o.flatten() for o in out])


@over_places
@over_geometries
def test_nested_computes_the_same(options, place):
    layer = make(**options)
    expected, kernel = outputs(layer), kernel_at(layer, place)
    inner = layer.nest(place)
    assert layer.inner_blocks() == {place: inner}
    assert inner.weight is kernel
    assert relative_difference(expected, outputs(layer)) < 1e-12
    layer.unnest(place)
    assert kernel_at(layer, place) is kernel
    assert layer.inner_blocks() == {}
    assert relative_difference(expected, outputs(layer)) < 1e-12


@over_places
def test_it_is_as_if_nothing_had_been(place):
    """Names, order and config stay: optimizers load their state by them."""
    layer = make()
    before, config = list(layer.state_dict()), layer.config()
    parameters = [id(p) for p in layer.parameters()]
    layer.nest(place)
    assert layer.config() != config
    layer.unnest(place)
    assert list(layer.state_dict()) == before
    assert [id(p) for p in layer.parameters()] == parameters
    assert layer.config() == config


@over_geometries
def test_the_order_depends_on_the_structure_alone(options):
    orders = []
    for order in (PLACES, PLACES[::-1]):
        layer = make(**options)
        for place in order:
            inner = layer.nest(place)
            inner.set_options(('1x1', ), ('kxk', 'branches'))
        twin = type(layer)(8, 8, **{
            **dict(kernel_size=3, padding=1),
            **options
        }, **{
            k: v
            for k, v in layer.config().items() if k != 'type'
        })
        orders += [list(layer.state_dict()), list(twin.state_dict())]
    assert all(order == orders[0] for order in orders)


@over_places
@over_geometries
def test_with_branches_inside(options, place):
    layer = make(**options)
    inner = layer.nest(place)
    inner.set_options(SEVEN, ('kxk', 'branches'))
    for parameter in inner.parameters():
        nn.init.normal_(parameter)
    randomize_norms(layer).eval()
    torch.manual_seed(1)
    x = torch.randn(2, 8, 9, 9, dtype=torch.float64)
    expected = layer.forward_branches(x)
    assert relative_difference(expected, layer(x)) < 1e-10
    assert relative_difference(expected, layer.fuse()(x)) < 1e-10
    fresh = make(**options).eval()
    fresh.load_state_dict(layer.state_dict())
    assert relative_difference(expected, fresh(x)) < 1e-10


@pytest.mark.parametrize('mode', [True, False])
@over_places
def test_mode_and_freezing(place, mode):
    layer = make().train(mode)
    layer.requires_grad_(False)
    inner = layer.nest(place)
    assert all(m.training == mode for m in inner.modules())
    assert not inner.weight.requires_grad


@over_places
def test_dtype_is_that_of_the_kernel(place):
    layer = make().half()
    inner = layer.nest(place)
    inner.set_options(('1x1', ), ('kxk', 'branches'))
    assert {p.dtype for p in inner.parameters()} == {torch.half}


@pytest.mark.parametrize('cls',
                         [ACBConv2d, BranchedConv2d, DBBConv2d, RepVGGConv2d])
def test_blocks_of_any_kind(cls):
    layer = make(cls, ('1x1', '1x1_kxk'))
    expected = outputs(layer)
    for place in PLACES:
        inner = layer.nest(place)
        assert type(inner) is cls and not inner.branches
        assert inner.norm is None and inner.kxk is None
    assert relative_difference(expected, outputs(layer)) < 1e-12


def test_blocks_in_blocks_in_blocks():
    layer = make()
    expected, weight = outputs(layer), layer.weight
    inner = layer.nest('kxk').nest('kxk')
    assert inner.weight is weight is layer.origin
    assert layer.weight is None
    assert relative_difference(expected, outputs(layer)) < 1e-12
    layer.kxk.unnest('kxk')
    layer.unnest('kxk')
    assert layer.weight is weight
    assert relative_difference(expected, outputs(layer)) < 1e-12


def test_norms_inside_are_as_around():
    layer = make(norm_cfg=dict(type='BN', eps=0.1))
    inner = layer.nest('second')
    inner.set_options(('1x1', ), ('kxk', 'branches'))
    assert {norm.eps for norm in inner.norms_inside()} == {0.1}


@pytest.mark.parametrize('place', ['foo', None, 'second'])
def test_no_such_place(place):
    layer = DBBConv2d(4, 4, 3, branches='1x1')
    for change in (layer.nest, layer.unnest):
        with pytest.raises(UserError, match=r'`place` \(=.*\) must be'):
            change(place)
    with pytest.raises(UserError, match=r"`place` \(='kxk'\) must be where"):
        layer.unnest('kxk')
