"""Running statistics of norms, against those of single batches."""
import copy

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from mmrep.dyrep.finite import NotFinite
from mmrep.dyrep.recalibration import recalibrate

from .nets import conv3x3, data_of, grow, net_of, other_batch


def seen_by(net, norm, batches):
    """Return the input of a norm for each batch; all modes stay."""
    net, found = copy.deepcopy(net), []
    net.get_submodule(norm).register_forward_pre_hook(
        lambda _, args: found.append(args[0].transpose(0, 1).flatten(1)))
    for x in batches:
        net(x)
    return found


def test_means_over_batches():
    """They are means of means and of unbiased variances, also in a block."""
    # no padding: its value depends on statistics, which differ on the way
    net = net_of(conv3x3(padding=0), dtype=torch.double)
    data = data_of(net, torch.double)
    grow(net, data, (), ('kxk', ))
    batches = [*data.batches, 3 * other_batch(torch.double)]
    before = copy.deepcopy(net)
    assert recalibrate(net, batches, 3, net) == 20
    for name, norm in net.named_modules():
        if not isinstance(norm, nn.BatchNorm2d):
            continue
        seen = seen_by(before, name, batches)
        mean = torch.stack([x.mean(1) for x in seen]).mean(0)
        var = torch.stack([x.var(1) for x in seen]).mean(0)
        assert torch.allclose(norm.running_mean, mean, rtol=1e-5, atol=1e-7)
        assert torch.allclose(norm.running_var, var, rtol=1e-5)


def test_all_else_stays():
    net = net_of(conv3x3())
    net.norm.eval()
    net.add_module('drop', nn.Dropout(0.5))
    before, numbers = copy.deepcopy(net), torch.get_rng_state()
    loader = DataLoader(other_batch(), 2, shuffle=True)
    assert recalibrate(net, loader, 2, net) == 1
    assert torch.get_rng_state().equal(numbers)
    changed = {'pre_norm.running_mean', 'pre_norm.running_var'}
    for name, tensor in net.state_dict().items():
        assert tensor.equal(before.state_dict()[name]) == (name not in changed)
    assert [m.training
            for m in net.modules()] == [m.training for m in before.modules()]
    assert net.pre_norm.momentum == 0.1
    assert not net.pre_norm._forward_pre_hooks
    assert all(p.grad is None for p in net.parameters())


def test_a_norm_that_runs_several_times():
    """Each run counts alike."""
    norm, x = nn.BatchNorm2d(3), other_batch()
    recalibrate(norm, [x, x], 2, lambda x: (norm(x), norm(3 * x)))
    mean = 2 * x.mean((0, 2, 3))
    assert torch.allclose(norm.running_mean, mean, atol=1e-6)


def test_what_is_not_finite_is_refused():
    net = net_of(conv3x3())
    before = copy.deepcopy(net).state_dict()
    with pytest.raises(NotFinite):
        recalibrate(net, [other_batch() * float('nan')], 1, net)
    assert all(t.equal(before[name]) for name, t in net.state_dict().items())
    assert net.norm.momentum == 0.1
