"""A walk over modules holds as long as no module changes its place."""
import pytest
import torch
from torch import nn

from mmrep.layers.tree import Tree


@pytest.fixture
def net():
    inner = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU())
    net = nn.Sequential(inner, nn.BatchNorm2d(1), inner)
    net.register_module('nothing', None)
    return net


def test_each_module_once(net):
    tree = Tree(net)
    assert tree.modules == [net, net[0], *net[0], net[1]]
    assert tree.holds()


@pytest.mark.parametrize('change', [
    lambda net: net.append(nn.ReLU()),
    lambda net: net.pop(1),
    lambda net: net.__setitem__(1, nn.BatchNorm2d(1)),
    lambda net: net[0].__setitem__(1, nn.ReLU()),
    lambda net: net.register_module('nothing', nn.ReLU()),
    lambda net: net.register_module('more', None),
    lambda net: net[0][0].add_module('hidden', nn.ReLU()),
    lambda net: setattr(net, '1', None),
])
def test_changes_of_the_tree(net, change):
    tree = Tree(net)
    change(net)
    assert not tree.holds()


def test_a_child_that_moves(net):
    """The numbers of children stay."""
    tree, child = Tree(net), net[0][1]
    del net[0][1]
    net[0].add_module('2', child)
    assert not tree.holds()


def test_what_is_no_change_of_the_tree(net):
    tree = Tree(net)
    net.double().eval()
    net[1].eps = 1.0
    net[0][0].weight = nn.Parameter(torch.ones(1, 1, 1, 1))
    net.register_forward_hook(print)
    assert tree.holds()
    child = net[1]
    net[1] = nn.ReLU()
    assert not tree.holds()
    net[1] = child
    assert tree.holds()
