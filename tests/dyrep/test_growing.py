"""Branches are added, and the block computes the same."""
import copy

import pytest
import torch
from mmcv.cnn import ConvModule
from torch import nn

from mmrep.dyrep import SEVEN, growing
from mmrep.dyrep.calibration import inputs_of, measure
from mmrep.dyrep.growing import follow_growth, match, norms_around
from mmrep.dyrep.sites import Site
from mmrep.errors import UserError
from mmrep.testing import randomize_norms

from .nets import (FROZEN, TRAINED, block, check, conv3x3, data_of,
                   differences, grow, looks, net_of, other_batch, train)

GEOMETRIES = dict(
    plain=dict(),
    bias=dict(bias=True),
    stride=dict(stride=2),
    dilation_2=dict(padding=2, dilation=2),
    dilation_4=dict(padding=4, dilation=4),
    groups=dict(groups=4),
    depthwise=dict(groups=8),
    stem=dict(kernel_size=7, stride=2, padding=3),
    row=dict(kernel_size=(1, 3), padding=(0, 1)),
    wide=dict(kernel_size=(3, 5), padding=(1, 2)),
    even=dict(kernel_size=2, padding=0),
    reflect=dict(padding_mode='reflect'),
    same=dict(padding='same', dilation=2),
    narrow=dict(out_channels=4),
)
over_geometries = pytest.mark.parametrize(
    'options', GEOMETRIES.values(), ids=GEOMETRIES)
PLACES = [((), ), ((), ('kxk', )), ((), ('second', )),
          ((), ('kxk', ), ('kxk', 'kxk'), ('kxk', 'second'), ('second', ))]
over_places = pytest.mark.parametrize('places', PLACES, ids=str)


def conv_of(options):
    torch.manual_seed(1)
    return nn.Conv2d(
        **{
            **dict(
                in_channels=8,
                out_channels=8,
                kernel_size=3,
                padding=1,
                bias=False),
            **options
        })


@over_geometries
def test_any_convolution(options):
    net = net_of(conv_of(options))
    data, other = data_of(net), other_batch()
    before = looks(net, data, other)
    grow(net, data, (), ('kxk', ), ('second', ))
    check(net, data, before, other)
    assert {'1x1', '1x1_kxk', '1x1_average'} <= set(net.conv.branches)


@over_geometries
def test_exact_in_double_precision(options):
    net = net_of(conv_of(options), dtype=torch.double)
    data = data_of(net, torch.double)
    net.eval()
    expected = net(data.batches[0])
    net.train()
    grow(net, data, (), ('kxk', ), ('second', ))
    found = net.eval()(data.batches[0])
    assert (found - expected).abs().max() <= 1e-10 * expected.abs().max()


@over_places
@pytest.mark.parametrize('norm', [True, False])
def test_after_training(places, norm):
    """Without a norm behind, batches differ in their statistics."""
    net = net_of(conv3x3(bias=True), norm)
    size = 16 if norm else 32
    data, other = data_of(net, size=size), other_batch(size=size)
    for place in places:
        train(net, data, steps=4)
        before = looks(net, data, other)
        grow(net, data, place)
        check(net, data, before, other)


@over_places
def test_frozen_norms_are_exact_in_training(places):
    net = net_of(conv3x3())
    data = data_of(net)
    train(net, data)
    net.eval()
    before = looks(net, data)
    grow(net, data, *places)
    assert not any(norm.training for norm in net.conv.norms_inside())
    check(net, data, before, trained=FROZEN)


@pytest.mark.parametrize('kind', [torch.bfloat16, torch.half])
def test_mixed_precision(kind):
    try:
        with torch.autocast('cpu', dtype=kind):
            pass
    except RuntimeError as error:  # PyTorch before 2.4 knows bfloat16 only
        pytest.skip(str(error))
    net = net_of(conv3x3())
    data = data_of(net, autocast=kind)
    grow(net, data, ())  # the inputs have half precision
    assert net.conv.weight.dtype == torch.float
    after = looks(net, data)
    assert all(torch.isfinite(t).all() for t in after[0].trained)
    full = data_of(net)
    net_before = net_of(conv3x3())
    before = looks(net_before, data_of(net_before))
    check(net, full, before)


def test_a_dead_channel_stays_dead():
    conv = conv3x3()
    with torch.no_grad():
        conv.weight[0] = 0
    net = net_of(conv)
    data, other = data_of(net), other_batch()
    before = looks(net, data, other)
    grow(net, data, (), ('kxk', ))
    check(net, data, before, other)


@pytest.mark.parametrize('exponent', [-1, -2, -3])
def test_channels_of_different_scales(exponent):
    conv = conv3x3()
    with torch.no_grad():
        conv.weight *= torch.logspace(exponent, 0, 8)[:, None, None, None]
    net = net_of(conv)
    data, other = data_of(net), other_batch()
    before = looks(net, data, other)
    grow(net, data, (), ('kxk', ))
    check(net, data, before, other)


def test_an_input_without_variance():
    net = net_of(conv3x3())
    data = data_of(net)
    data = data._replace(batches=[torch.zeros_like(x) for x in data.batches])
    before = looks(net, data)
    grow(net, data, ())
    assert all(torch.isfinite(p).all() for p in net.parameters())
    assert differences(before, looks(net, data))[0] <= FROZEN


def test_a_shared_convolution():
    conv = conv3x3()
    net = net_of(conv)
    net.again, net.again_norm = nn.Sequential(conv), nn.BatchNorm2d(8)
    net.add_module('again_conv', conv)
    net.add_module('last_norm', nn.BatchNorm2d(8))
    randomize_norms(net)
    data, other = data_of(net), other_batch()
    before = looks(net, data, other)
    grow(net, data, ())
    assert net.conv is net.again_conv
    check(net, data, before, other)


def test_a_module_of_mmcv():
    torch.manual_seed(0)
    module = randomize_norms(
        ConvModule(3, 8, 3, padding=1, norm_cfg=dict(type='BN', eps=1e-3)))
    module.train()
    data, other = data_of(module), other_batch()
    before = looks(module, data, other)
    grow(module, data, ())
    check(module, data, before, other)
    assert module.conv.norm.eps == 1e-3
    assert norms_around(module, Site('conv')) == [module.bn]


@pytest.mark.parametrize('init_gamma', [0.001, 0.01, 0.05])
def test_branches_begin_small(init_gamma):
    """The value is the paper's 0.01, where the gamma of the kxk is 1."""
    net = net_of(conv3x3())
    data = data_of(net)
    grow(net, data, (), init_gamma=init_gamma)
    gamma = net.conv.norm.weight
    for branch in net.conv.branches.values():
        assert torch.allclose(branch.norm.weight, init_gamma * gamma)
        assert not branch.norm.bias.any()


@over_places
def test_statistics_are_those_of_the_batches(places):
    """Norms see mean 0 and variance 1 at once after they normalised."""
    net = net_of(conv3x3())
    data = data_of(net)
    grow(net, data, *places)
    layer, seen = block(net, *places[-1]), {}

    def watch(norm, _, out):
        flat = out.detach().transpose(0, 1).flatten(1)
        expected = norm.bias[:, None], norm.weight.abs()
        seen[norm] = ((flat.mean(1, True) - expected[0]).abs().max(),
                      (flat.std(1) / expected[1] - 1).abs().max())

    last = [b.norm for b in layer.branches.values()]
    handles = [norm.register_forward_hook(watch) for norm in last]
    layer.eval()
    for x in inputs_of(layer, net.conv, net, data.batches[:1], data.run):
        layer.forward_branches(x)
    for handle in handles:
        handle.remove()
    assert len(seen) == len(last)
    assert all(deviation < 0.1 for _, deviation in seen.values())


@over_places
def test_the_norm_of_the_kxk_is_calibrated(places):
    """The test measures it again, with the branches subtracted."""
    net = net_of(conv3x3(), dtype=torch.double)
    data = data_of(net, torch.double)
    grow(net, data, *places)
    layer = block(net, *places[-1])
    norm, inputs = layer.norm, inputs_of(layer, net.conv, net, data.batches,
                                         data.run)
    mean, var = measure(layer, [norm], inputs)[norm]
    deviation = var.sqrt()
    assert ((mean - norm.running_mean).abs() < 1e-4 * deviation).all()
    assert (var / norm.running_var - 1).abs().max() < 0.1


def test_all_inside_learns():
    net = net_of(conv3x3())
    data = data_of(net)
    grow(net, data, (), ('kxk', ), ('second', ))
    net(data.batches[0]).square().mean().backward()
    for name, parameter in net.conv.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_parameters_stay_the_same_objects():
    net = net_of(conv3x3(bias=True))
    weight, bias, names = net.conv.weight, net.conv.bias, dict(
        net.named_parameters())
    grow(net, data_of(net), (), ('kxk', ))
    assert net.conv.kxk.weight is weight and net.conv.bias is bias
    after = dict(net.named_parameters())
    for name in names.keys() - {'conv.weight'}:
        assert after[name] is names[name]


@pytest.mark.parametrize('training', [True, False])
def test_new_norms_train_as_those_behind(training):
    net = net_of(conv3x3())
    data = data_of(net)
    net.norm.train(training)
    grow(net, data, (), ('kxk', ), ('second', ))
    modes = {norm.training for norm in net.conv.norms_inside()}
    assert modes == {training}


def test_norms_around():
    net = net_of(conv3x3())
    assert norms_around(net, Site('conv')) == [net.norm]
    grow(net, data_of(net), ())
    assert norms_around(net, Site('conv')) == [net.norm]
    assert norms_around(net, Site('conv', ('kxk', ))) == [net.conv.norm]
    assert norms_around(net, Site(
        'conv', ('second', ))) == [net.conv.branches['1x1_kxk'].norm]
    assert not norms_around(net_of(conv3x3(), False), Site('conv'))


def test_the_seed_makes_the_weights():
    states = []
    for seed in (0, 0, 1):
        net = net_of(conv3x3())
        torch.rand(len(states))
        growing.add_branches(net, Site('conv'), SEVEN, seed)
        states.append(net.conv.branches['1x1'].weight)
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


def test_nothing_to_calibrate_on_is_refused():
    net = net_of(conv3x3())
    layer = growing.add_branches(net, Site('conv'), SEVEN, 0)
    with pytest.raises(UserError, match='got no input'):
        growing.compensate(layer, [], 0.01)


def test_match():
    torch.manual_seed(0)
    norm, x = nn.BatchNorm2d(4).double(), torch.randn(64, 4, 6, 6).double()
    scale, shift = torch.randn(4).double(), torch.randn(4).double()
    flat = x.transpose(0, 1).flatten(1)
    match(norm, scale, shift, (flat.mean(1), flat.var(1)))
    expected = scale[:, None, None] * x + shift[:, None, None]
    assert torch.allclose(norm.eval()(x), expected, rtol=1e-10, atol=1e-10)
    # running statistics have the unbiased variance
    assert torch.allclose(norm.train()(x), expected, rtol=1e-3, atol=1e-3)


@over_places
def test_an_average_follows(places):
    net = net_of(conv3x3(bias=True))
    data = data_of(net)
    other = copy.deepcopy(net)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    randomize_norms(other, seed=9)
    for place in places:
        site = Site('conv', place)
        before = looks(other, data_of(other))
        kernel = block(net, *place[:-1])
        kernel = (kernel.weight if place[-1:] != ('second', ) else
                  kernel.branches['1x1_kxk'].second).detach().clone()
        grow(net, data, place)
        follow_growth(other, site, block(net, *place), kernel)
        after = looks(other, data_of(other))
        assert differences(before, after)[0] <= FROZEN
    assert other.conv.config() == net.conv.config()
    names = [name for name, _ in net.named_parameters()]
    assert [name for name, _ in other.named_parameters()] == names
    assert not {id(p)
                for p in net.parameters()
                } & {id(p)
                     for p in other.parameters()}


def test_an_average_with_options_of_a_branch():
    net = net_of(conv3x3())
    data, other = data_of(net), copy.deepcopy(net)
    before = looks(other, data_of(other))
    kernel = net.conv.weight.detach().clone()
    layer = growing.add_branches(net, Site('conv'),
                                 {'1x1_kxk': dict(channels=12)}, 0)
    growing.compensate(layer,
                       inputs_of(layer, layer, net, data.batches, data.run),
                       0.01)
    follow_growth(other, Site('conv'), layer, kernel)
    assert other.conv.config() == layer.config()
    check(other, data_of(other), before, trained=TRAINED)
