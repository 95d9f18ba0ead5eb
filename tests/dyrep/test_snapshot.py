"""A model is restored exactly, with the same parameter objects."""
import copy

import pytest
import torch
from torch import nn

from mmrep.dyrep.snapshot import all_or_nothing

from .nets import block, conv3x3, data_of, evolved, grow, net_of


def described(net):
    """Return every module with its attributes, by identity."""
    return {
        name: (id(module), module.training, type(module), {
            k: id(v)
            for k, v in module.named_parameters()
        }, [name for name, _ in module.named_children()])
        for name, module in net.named_modules()
    }


def same(state, other):
    return state.keys() == other.keys() and all(
        torch.equal(state[name], other[name]) for name in state)


def test_growth_is_taken_back():
    net = net_of(conv3x3())
    data = data_of(net, size=8)
    before, state = described(net), copy.deepcopy(net.state_dict())
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), all_or_nothing([net]):
            grow(net, data, (), ('kxk', ))
            assert not same(net.state_dict(), state)
            1 / 0
        assert described(net) == before
        assert same(net.state_dict(), state)


def test_cuts_are_taken_back():
    net, data, _ = evolved(size=8)
    before, state = described(net), copy.deepcopy(net.state_dict())
    with pytest.raises(ZeroDivisionError), all_or_nothing([net]):
        layer = block(net)
        del layer.branches['1x1']
        layer.norm = None
        layer.geometry_of = 3
        net.norm.eval()
        net.norm.running_mean += torch.nan
        1 / 0
    assert described(net) == before and same(net.state_dict(), state)
    assert not hasattr(layer, 'geometry_of')
    net(data.batches[0])


def test_an_optimizer_goes_on():
    """It finds its state by the parameters; hooks find theirs by the dicts."""
    net = net_of(conv3x3())
    data = data_of(net, size=8)
    seen = []
    handle = net.norm.register_forward_pre_hook(lambda *_: seen.append(1))
    adam = torch.optim.Adam(net.parameters())
    data.run(data.batches[0]).backward()
    adam.step()
    with pytest.raises(ZeroDivisionError), all_or_nothing([net]):
        grow(net, data, ())
        1 / 0
    assert all(p in adam.state for p in net.parameters())
    assert len(adam.state) == len(list(net.parameters()))
    seen.clear()
    net(data.batches[0])
    handle.remove()
    net(data.batches[0])
    assert len(seen) == 1


def test_what_succeeds_stays():
    net = nn.Linear(2, 2)
    with all_or_nothing([net]):
        nn.init.zeros_(net.weight)
    assert not net.weight.any()
