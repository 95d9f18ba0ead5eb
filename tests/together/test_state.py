"""No change of a tensor's values is missed, and none leads to a new plan."""
import copy
from unittest import mock

import pytest
import torch
from torch import nn

import mmrep
from mmrep.together import batcher as code
from mmrep.together.state import State

from .common import assert_same, image, in_batches, mixed, stepped, twins


def optimizer_step(kind, **options):

    def change(net):
        try:
            optimizer = kind(net.parameters(), lr=0.1, **options)
        except (RuntimeError, TypeError) as error:  # PyTorch before 2.4
            pytest.skip(str(error))
        with torch.enable_grad():
            net(image()).square().mean().backward()
        optimizer.step()
        net.zero_grad()

    return change


def more(net):
    return {k: v + v.is_floating_point() for k, v in net.state_dict().items()}


def averaged(net):
    other = copy.deepcopy(net)
    for parameter in other.parameters():
        parameter.data.add_(1)
    average = torch.optim.swa_utils.AveragedModel(net)
    average.update_parameters(other)
    net.load_state_dict(average.module.state_dict())


VALUES = {
    'in place': lambda net: net[0].weight.add_(1),
    'data': lambda net: net[0].weight.data.mul_(2),
    'norm': lambda net: net[1].norm.running_var.data.fill_(3),
    'numpy': lambda net: net[4].weight.detach().numpy().__setitem__(1, 0.5),
    'dlpack': lambda net: torch.from_dlpack(net[3].scale.detach()).fill_(2),
    'load': lambda net: net.load_state_dict(more(net)),
    'average': averaged,
    'foreach': optimizer_step(torch.optim.SGD, foreach=True, momentum=0.9),
    'fused': optimizer_step(torch.optim.AdamW, fused=True),
}
OBJECTS = {
    'assign': lambda net: net.load_state_dict(more(net), assign=True),
    'new data': lambda net: setattr(net[0].weight, 'data', net[3].weight * 2),
    'parameter': lambda net: setattr(
        net[0], 'weight', nn.Parameter(net[0].weight.detach() * 2)),
    'buffer': lambda net: setattr(
        net[1].norm, 'running_mean', net[1].norm.running_mean + 1),
    'norm': lambda net: setattr(
        net[1], 'norm', nn.BatchNorm2d(4, dtype=torch.double).eval()),
}  # yapf: disable


def changed(name, change):
    together, _ = twins(mixed())
    together(image())
    with torch.no_grad():
        change(together)
    _, apart = twins(together)
    return together, apart


def test_a_hook_that_writes():
    """The block makes its kernel by itself, as long as there is the hook."""
    together, _ = twins(mixed())
    together(image())

    def double(layer, args):
        layer.weight.data.mul_(2)

    hook = together[0].register_forward_pre_hook(double)
    _, apart = twins(together)
    for _ in range(2):
        assert_same(stepped(together, image()), stepped(apart, image()))
    assert in_batches(together) == [3]
    hook.remove()
    together(image())
    assert in_batches(together) == [4]


@pytest.mark.parametrize('name', VALUES)
def test_values(name):
    together, apart = changed(name, VALUES[name])
    with mock.patch.object(code, 'plan_of') as plans:
        assert_same(stepped(together, image()), stepped(apart, image()))
    plans.assert_not_called()


@pytest.mark.parametrize('name', OBJECTS)
def test_other_tensors(name):
    together, apart = changed(name, OBJECTS[name])
    assert_same(stepped(together, image()), stepped(apart, image()))


@pytest.fixture
def net():
    return mixed()


@pytest.mark.parametrize('change', [
    lambda net: net[1].norm.train(),
    lambda net: net[1].train(),
    lambda net: setattr(net[1].norm, 'eps', 0.5),
    lambda net: net[0].weight.requires_grad_(False),
])
def test_a_mode(net, change):
    """The plan of another mode is of use again when the mode is back."""
    state = State(net)
    assert state.holds() and state.stands()
    change(net)
    assert not state.holds() and state.stands()


@pytest.mark.parametrize('change', [
    OBJECTS['parameter'],
    OBJECTS['buffer'],
    OBJECTS['norm'],
    lambda net: net.float(),
    lambda net: net[0].branches.clear(),
    lambda net: net.append(nn.ReLU()),
    lambda net: net[1].register_buffer('more', torch.zeros(1)),
    lambda net: net[0].branches.product.register_forward_pre_hook(print),
    lambda net: setattr(net[0].weight, 'data', torch.ones(3, 4, 1, 1)),
])
def test_another_structure(net, change):
    state = State(net)
    change(net)
    assert not state.holds() and not state.stands()


@pytest.mark.parametrize('change', [
    lambda net: setattr(net[0].weight, 'data', net[0].weight.data.clone()),
    lambda net: net.train(),
    lambda net: nn.init.zeros_(net[0].weight),
])
def test_the_same_structure(net, change):
    for layer in net:
        if isinstance(layer, mmrep.RepConv2d):
            layer.keep_norms_in_eval()
    state = State(net)
    change(net)
    assert state.holds() and state.stands()
