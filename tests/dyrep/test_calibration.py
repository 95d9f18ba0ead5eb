"""Statistics of the inputs of norms in a block."""
import random

import pytest
import torch
from torch import nn

from mmrep import DBBConv2d
from mmrep.dyrep.calibration import inputs_of, measure, untouched
from mmrep.testing import randomize_norms

from .nets import block, conv3x3, data_of, grow, net_of, other_batch


def state(net):
    buffers = {name: b.clone() for name, b in net.named_buffers()}
    return buffers, [m.training for m in net.modules()]


def assert_same_state(net, before):
    buffers, modes = before
    assert [m.training for m in net.modules()] == modes
    for name, buffer in net.named_buffers():
        assert torch.equal(buffer, buffers[name]), name


def test_nothing_of_a_model_is_touched():
    net = net_of(conv3x3())
    net.norm.eval()
    x = other_batch()
    net(x).sum().backward()
    grads = [p.grad.clone() for p in net.parameters()]
    before, numbers = state(net), torch.get_rng_state()
    with untouched(net):
        net.eval()
        net.norm.train()
        net(x)
        torch.rand(3)
        assert not net(x).requires_grad
    assert_same_state(net, before)
    assert torch.equal(torch.get_rng_state(), numbers)
    assert all(torch.equal(p.grad, g) for p, g in zip(net.parameters(), grads))


def test_nothing_is_touched_where_it_fails():
    net = net_of(conv3x3())
    before = state(net)
    with pytest.raises(ZeroDivisionError), untouched(net):
        net.eval()
        net.norm.running_mean.fill_(float('nan'))
        1 / 0
    assert_same_state(net, before)


def test_random_numbers_inside_are_seeded():
    net, drawn = nn.Identity(), []
    for _ in range(2):
        torch.rand(random.randrange(9))
        with untouched(net):
            drawn.append(torch.rand(4))
    assert torch.equal(*drawn)


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('inside', [(), ('kxk', ), ('second', )])
def test_inputs_are_those_of_training(training, inside):
    net = net_of(conv3x3())
    data = data_of(net)
    grow(net, data, (), ('kxk', ), ('second', ))
    net.train(training)
    randomize_norms(net)
    before, seen = state(net), []
    handle = block(net, *inside).register_forward_pre_hook(
        lambda _, args: seen.append(args[0]))
    for x in data.batches:
        with untouched(net):
            net.conv.forward = net.conv.forward_branches
            data.features(x)
            del net.conv.forward
    handle.remove()
    found = list(
        inputs_of(block(net, *inside), net.conv, net, data.batches, data.run))
    assert len(found) == len(seen) == 2
    assert all(torch.equal(a, b) for a, b in zip(found, seen))
    assert_same_state(net, before)
    assert not any('forward' in vars(m) for m in net.modules())
    assert not block(net, *inside)._forward_pre_hooks


def test_nothing_behind_the_block_runs():
    net = net_of(conv3x3())
    data = data_of(net)
    grow(net, data, ())
    net.relu.forward = None  # a call of it fails
    assert len(
        list(inputs_of(net.conv, net.conv, net, data.batches, data.run))) == 2


def test_a_call_by_keyword():
    layer = DBBConv2d(3, 3, 3)
    x = torch.randn(2, layer.in_channels, 5, 5)
    found = inputs_of(layer, layer, layer, [x], lambda batch: layer(
        input=batch))  # yapf: disable
    assert torch.equal(next(found), x)


def test_a_batch_may_go_another_way():
    net = net_of(conv3x3())
    data = data_of(net)
    grow(net, data, ())
    first = data.batches[0]

    def run(x):
        return net(x) if x is first else net.pre(x)

    found = inputs_of(net.conv, net.conv, net, data.batches, run)
    assert len(list(found)) == 1
    assert not list(inputs_of(net.conv, net.conv, net, [], run))


def random_block(**options):
    torch.manual_seed(0)
    layer = DBBConv2d(6, 8, 3, padding=1, dtype=torch.float64, **options)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    return randomize_norms(layer)


def images(count=2):
    return [
        torch.randn(3, 6, 7, 7, dtype=torch.float64) + i for i in range(count)
    ]


def moments(features):
    """Return statistics pooled over batches, by torch's own functions."""
    flat = torch.cat([f.transpose(0, 1).flatten(1) for f in features],
                     1).double()
    return flat.mean(1), flat.var(1)


def test_statistics_of_a_single_stage():
    layer, inputs = random_block(branches=('1x1', )), images()
    point = layer.branches['1x1']
    seen = measure(layer, [layer.norm, point.norm], inputs)
    kxk = [layer.geometry.conv(x, (layer.weight, None)) for x in inputs]
    small = [nn.functional.conv2d(x, point.weight) for x in inputs]
    for norm, features in ((layer.norm, kxk), (point.norm, small)):
        for a, b in zip(seen[norm], moments(features)):
            assert torch.allclose(a, b, rtol=1e-5, atol=1e-5)


def test_each_norm_normalises_each_batch_by_itself():
    """A norm behind another sees what it sees in training."""
    layer, inputs = random_block(branches=('1x1_kxk', )), images()
    branch = layer.branches['1x1_kxk']
    seen = measure(layer, layer.norms_inside(), inputs)
    behind = []
    for x in inputs:
        x = nn.functional.conv2d(x, branch.first_weight())
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
        norm = branch.first_norm
        scale = norm.weight / (var + norm.eps).sqrt()
        shift = norm.bias - mean * scale
        x = x * scale[:, None, None] + shift[:, None, None]
        edge = shift[:, None, None]
        x = nn.functional.pad(x - edge, [1] * 4) + edge
        behind.append(nn.functional.conv2d(x, branch.second))
    for a, b in zip(seen[branch.norm], moments(behind)):
        assert torch.allclose(a, b, rtol=1e-5, atol=1e-5)


def test_measuring_leaves_no_trace():
    layer, before = random_block(), None
    layer.branches['1x1'].norm.eval()
    before = state(layer)
    measure(layer, layer.norms_inside(), images())
    assert_same_state(layer, before)
    assert not any(norm._forward_pre_hooks for norm in layer.norms_inside())


def test_without_inputs_there_is_nothing():
    layer = random_block()
    assert measure(layer, layer.norms_inside(), []) == {}


def test_constant_features_have_no_variance():
    layer = random_block(branches=(), padding_mode='reflect')
    x = torch.full((2, 6, 5, 5), 3., dtype=torch.float64)
    mean, var = measure(layer, [layer.norm], [x])[layer.norm]
    # the squares do not cancel fully in single precision
    assert (var >= 0).all() and (var < 1e-8 * (1 + mean**2)).all()


def test_a_large_mean_does_not_swallow_the_variance():
    layer = random_block(branches=(), padding_mode='reflect')
    inputs = [x + 1e3 for x in images()]
    var = measure(layer, [layer.norm], inputs)[layer.norm][1]
    exact = moments(
        [layer.geometry.conv(x, (layer.weight, None)) for x in inputs])[1]
    assert torch.allclose(var, exact, rtol=1e-2)
