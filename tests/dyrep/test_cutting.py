"""Branches are cut, and the block computes the same."""
import copy

import pytest
import torch
from torch import nn

from mmrep import DBBConv2d
from mmrep.dyrep import SEVEN, Evolution
from mmrep.dyrep.cutting import absorb, close, close_all
from mmrep.dyrep.sites import Site, is_plain
from mmrep.testing import randomize_norms

from .nets import (FROZEN, block, check, conv3x3, cut, data_of, differences,
                   evolved, grow, looks, net_of, other_batch, set_gammas,
                   train)
from .test_growing import conv_of, over_geometries

HALF, ALL = SEVEN[:3], SEVEN
NESTED = [(), ('kxk', ), ('second', )]


@over_geometries
@pytest.mark.parametrize('names', [HALF, ALL], ids=['half', 'all'])
def test_any_convolution(options, names):
    net, data, other = evolved(conv_of(options))
    before = looks(net, data, other)
    cut(net, data, [n for n in names if n in net.conv.branches])
    assert not set(names) & set(getattr(net.conv, 'branches', ()))
    check(net, data, before, other, trained=0.04)  # strong branches


@pytest.mark.parametrize('names', [HALF, ALL], ids=['half', 'all'])
@pytest.mark.parametrize('inside, cut_at', [((), ()), *((n, at)
                                                        for n in NESTED[1:]
                                                        for at in ((), n))])
def test_nested(inside, cut_at, names):
    net, data, other = evolved(None, *[inside] if inside else [])
    before = looks(net, data, other)
    cut(net, data, names, cut_at)
    check(net, data, before, other, trained=0.05)


@pytest.mark.parametrize('inside', NESTED, ids=str)
def test_a_block_inside_stays_calibrated(inside):
    """An addition to a block inside changes the inputs of its norm."""
    net = net_of(conv3x3())
    data, other = data_of(net), other_batch()
    grow(net, data, (), *[inside] if inside else [])
    train(net, data, lr=0.1, steps=20)
    before = looks(net, data, other)
    cut(net, data, ALL)
    check(net, data, before, other, trained=0.05)


@pytest.mark.parametrize('inside', NESTED, ids=str)
def test_weak_branches(inside):
    """Branches weak enough to be cut stay within the bounds of a growth."""
    net, data, other = evolved(None, *[inside] if inside else [])
    for place in {(), inside}:
        set_gammas(block(net, *place), **dict.fromkeys(HALF, 0.02))
    train(net, data, lr=0)
    for place in sorted({(), inside}, reverse=True):
        before = looks(net, data, other)
        cut(net, data, HALF, place)
        check(net, data, before, other)


@over_geometries
def test_exact_in_double_precision(options):
    net, data, _ = evolved(conv_of(options), ('kxk', ), dtype=torch.double)
    expected = net.eval()(data.batches[0])
    net.train()
    cut(net, data, HALF, ('kxk', ))
    cut(net, data, list(net.conv.branches))
    found = net.eval()(data.batches[0])
    assert (found - expected).abs().max() <= 1e-10 * expected.abs().max()


@pytest.mark.parametrize('inside', NESTED, ids=str)
def test_frozen_norms_are_exact_in_training(inside):
    net, data, _ = evolved(None, *[inside] if inside else [])
    net.eval()
    before = looks(net, data)
    cut(net, data, HALF, inside)
    check(net, data, before, trained=FROZEN)
    cut(net, data, ALL if inside else SEVEN[3:])
    check(net, data, before, trained=FROZEN)


GAMMAS = [(0., ), (0., 0., 0.), (-1., ), (-1., 0., 1e-9, -1e-9), (0., ) * 8]


@pytest.mark.parametrize('gammas', GAMMAS, ids=str)
@pytest.mark.parametrize('inside', [(), ('kxk', ), ('kxk', 'kxk')], ids=str)
def test_scales_by_which_nothing_can_be_divided(inside, gammas):
    """The scale may vanish in the block's own norm or in one inside."""
    places = [inside[:i] for i in range(1, len(inside) + 1)]
    net, data, _ = evolved(None, *places)
    with torch.no_grad():
        block(net, *inside).norm.weight[:len(gammas)] = torch.tensor(gammas)
    before = looks(net, data)
    cut(net, data, HALF)
    assert all(torch.isfinite(p).all() for p in net.parameters())
    assert differences(before, looks(net, data))[0] <= FROZEN


@pytest.mark.parametrize('bias', [False, True])
def test_a_block_without_branches_is_plain(bias):
    """The block becomes plain with norms in eval mode and in training mode."""
    net, data, other = evolved(conv3x3(bias=bias))
    before = looks(net, data, other)
    cut(net, data, ALL)
    assert is_plain(net.conv)
    assert set(net.conv.state_dict()) == {'weight', *['bias'] * bias}
    check(net, data, before, other, trained=0.04)


@pytest.mark.parametrize('training', [True, False])
def test_without_a_norm_behind_one_that_trains_stays(training):
    """A bias alone cannot remove the scale of each batch, as the norm does."""
    net, data, other = evolved(conv3x3(bias=True), norm=False, size=48)
    if not training:
        net.conv.norm.eval()
    with torch.no_grad():  # the momentum may lag behind
        net.conv.norm.running_mean += 0.1
        net.conv.norm.running_var *= 2
    before = looks(net, data, other)
    cut(net, data, ALL)
    assert is_plain(net.conv) is not training
    check(net, data, before, other, trained=0.04)


def test_a_bias_without_a_place_keeps_the_norm():
    net, data, other = evolved(norm=False, size=48)
    before = looks(net, data, other)
    cut(net, data, ALL)
    assert net.conv.norm is not None and not is_plain(net.conv)
    assert not close(net, Site('conv'))
    check(net, data, before, other, trained=0.04)


def test_a_shared_convolution_closes():
    net = net_of(conv3x3())
    net.add_module('again', net.conv)
    net.add_module('last_norm', nn.BatchNorm2d(8))
    randomize_norms(net)
    data = data_of(net)
    grow(net, data, ())
    train(net, data, lr=0.01)
    before = looks(net, data)
    cut(net, data, ALL)
    assert net.again is net.conv and is_plain(net.conv)
    assert differences(before, looks(net, data))[0] <= FROZEN


@pytest.mark.parametrize('first', [(), ('kxk', )], ids=['outer', 'inner'])
def test_nested_blocks_close_in_any_order(first):
    net, data, _ = evolved(None, ('kxk', ))
    before = looks(net, data)
    cut(net, data, ALL, first)
    cut(net, data, ALL, () if first else ('kxk', ))
    assert is_plain(net.conv)
    assert differences(before, looks(net, data))[0] <= FROZEN


def test_three_levels_close_at_once():
    net, data, _ = evolved(None, ('kxk', ), ('kxk', 'kxk'))
    before = looks(net, data)
    cut(net, data, ALL)
    cut(net, data, ALL, ('kxk', ))
    assert not is_plain(net.conv)
    cut(net, data, ALL, ('kxk', 'kxk'))
    assert is_plain(net.conv)
    assert differences(before, looks(net, data))[0] <= FROZEN


def test_a_block_goes_with_its_branch():
    net, data, _ = evolved(None, ('second', ))
    before = looks(net, data)
    cut(net, data, ['1x1_kxk'])
    assert net.conv.inner_blocks() == {}
    assert differences(before, looks(net, data))[0] <= FROZEN


def test_a_sum_norm_stays_right():
    """It takes the bias that the norms behind would take otherwise."""
    net = net_of(conv3x3())
    net.conv = DBBConv2d(
        8, 8, 3, padding=1, bias=False, norms=('kxk', 'branches', 'sum'))
    randomize_norms(net).train()
    data = data_of(net)
    train(net, data)
    before = looks(net, data)
    cut(net, data, list(net.conv.branches))
    assert differences(before, looks(net, data))[0] <= FROZEN


def test_a_closed_block_fits_a_plain_net():
    net, data, _ = evolved(conv3x3(bias=True))
    cut(net, data, ALL)
    plain = net_of(conv3x3(bias=True))
    plain.load_state_dict(net.state_dict())
    found, wanted = plain.eval()(data.batches[0]), net.eval()(data.batches[0])
    assert torch.equal(found, wanted)


def test_nothing_is_closed_that_has_branches():
    net, data, _ = evolved()
    assert not close(net, Site('conv'))
    close_all(net, Site('conv'))
    assert list(net.conv.branches) == list(SEVEN)


@pytest.mark.parametrize('inside', NESTED, ids=str)
def test_an_average_follows(inside):
    net, data, _ = evolved(None, *[inside] if inside else [])
    other = copy.deepcopy(net)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    randomize_norms(other, seed=5)
    theirs = data_of(other)
    before = looks(other, theirs)
    cut(net, data, HALF, inside, [other])
    cut(net, data, ALL if inside else SEVEN[3:], (), [other])
    assert differences(before, looks(other, theirs))[0] <= FROZEN
    assert other.conv.config() == net.conv.config()


def test_the_branches_are_chosen_by_their_gammas():
    net, data, other = evolved()
    chosen = {'1x1': 0.01, 'kx1': 0.0005, 'identity': 0.03}
    set_gammas(net.conv, **dict.fromkeys(SEVEN, 0.3))
    set_gammas(net.conv, **chosen)
    before = looks(net, data, other)
    evolution = Evolution(net, scope='conv', max_depth=1)
    record = evolution.event(1, evolution.new_scores(), data)
    assert record['cut'][0]['name'] == 'conv'
    assert set(record['cut'][0]['branches']) == set(chosen)
    assert record['cut'][0]['importances'] == pytest.approx(
        [chosen[n] for n in record['cut'][0]['branches']])
    assert record['grown'] is None
    assert set(net.conv.branches) == set(SEVEN) - set(chosen)
    check(net, data, before, other)


def test_absorbed_is_added():
    """The sum is that of equation 10, in double precision."""
    net, *_ = evolved(dtype=torch.double)
    layer = net.conv.eval()
    with torch.no_grad():
        expected = layer.kernel()
        absorb(layer, ALL)
        found = layer.kernel()
    assert not layer.branches
    for a, b in zip(found, expected):
        assert torch.allclose(a, b, rtol=1e-10, atol=1e-12)
