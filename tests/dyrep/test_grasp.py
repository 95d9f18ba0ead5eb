"""The product of the Hessian and the gradient, against autograd's."""
import copy

import pytest
import torch
from torch import nn

from mmrep.dyrep.grasp import grasp

from .nets import conv3x3, data_of, grow, net_of


def smooth(norm=True, dtype=torch.double):
    """Return a net without kinks, where differences are no derivatives."""
    net = net_of(conv3x3(), norm, dtype)
    net.pre_relu, net.relu = nn.Tanh(), nn.Tanh()
    data = data_of(net, dtype, size=8)
    data = data._replace(
        run=lambda x: (net(x) - x.mean(1, True)).square().mean())
    return net, data, dict(pre=net.pre.weight, conv=net.conv.weight)


def by_double_backward(net, data, kernels):
    weights, out = list(kernels.values()), dict.fromkeys(kernels, 0.)
    for x in data.batches:
        with torch.enable_grad():
            grads = torch.autograd.grad(
                data.run(x), weights, create_graph=True)
            inner = sum((g * g.detach()).sum() for g in grads)
            products = torch.autograd.grad(inner, weights)
        for name, weight, product in zip(kernels, weights, products):
            value = -(weight * product).sum().item()
            out[name] += value / len(data.batches)
    return out


@pytest.mark.parametrize('mode', ['train', 'eval'])
@pytest.mark.parametrize('norm', [True, False])
def test_equals_double_backward(norm, mode):
    net, data, kernels = smooth(norm)
    getattr(net, mode)()
    expected = by_double_backward(copy.deepcopy(net), data, kernels)
    assert any(abs(value) > 1e-6 for value in expected.values())
    found = grasp(net, kernels, data.batches, data.run)
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-8)


def test_single_precision_is_enough():
    net, data, kernels = smooth(dtype=torch.float)
    expected = by_double_backward(net, data, kernels)
    found = grasp(net, kernels, data.batches, data.run)
    assert found == pytest.approx(expected, rel=2e-2)


def test_of_an_evolved_net():
    net, data, _ = smooth(norm=False)
    grow(net, data, (), ('kxk', ))
    branch = net.conv.branches['1x1_kxk']
    kernels = dict(kxk=net.conv.kxk.weight, second=branch.second)
    expected = by_double_backward(net, data, kernels)
    found = grasp(net, kernels, data.batches, data.run)
    assert found == pytest.approx(expected, rel=1e-2, abs=1e-9)


def test_the_model_stays_as_it_is():
    net, data, kernels = smooth()
    net.norm.eval()
    data.run(data.batches[0]).backward()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    grads = [p.grad.clone() for p in net.parameters()]
    modes, numbers = [m.training for m in net.modules()], torch.rand(0)
    numbers = torch.get_rng_state()
    with torch.no_grad():  # as in an event
        grasp(net, kernels, data.batches, data.run)
    assert torch.equal(numbers, torch.get_rng_state())
    assert modes == [m.training for m in net.modules()]
    for name, tensor in net.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert all(torch.equal(p.grad, g) for p, g in zip(net.parameters(), grads))


def test_the_model_stays_where_it_fails():
    net, data, kernels = smooth()
    before, calls = net.conv.weight.detach().clone(), []

    def run(x):
        calls.append(x)
        if len(calls) == 2:
            raise ZeroDivisionError
        return data.run(x)

    with pytest.raises(ZeroDivisionError):
        grasp(net, kernels, data.batches, run)
    assert torch.equal(net.conv.weight, before)


def test_random_layers_draw_the_same():
    """Other numbers would make the differences of gradients noise."""
    net, data, kernels = smooth()
    net.relu = nn.Dropout(0.5)
    once = grasp(net, kernels, data.batches, data.run)
    torch.rand(5)
    assert grasp(net, kernels, data.batches, data.run) == once


def test_kernels_without_a_part_in_the_loss():
    net, data, kernels = smooth()
    unused = nn.Parameter(torch.ones(2, dtype=torch.double))
    found = grasp(net, dict(kernels, u=unused), data.batches, data.run)
    assert found['u'] == 0 != found['conv']
    constant = grasp(net, kernels, data.batches, lambda x: data.run(x) * 0)
    assert set(constant.values()) == {0.0}
    assert set(grasp(net, kernels, [], data.run).values()) == {0.0}
