"""Fails where an upgrade of torch keeps a module's content elsewhere."""
import pytest
import torch
from torch import nn

from mmrep.compat.modules import (buffers_of, children_of, parameter,
                                  parameters_of, shallow_copy, trees_of,
                                  versions_of)

GONE = 'mmrep/compat/modules.py needs another way to reach the %s of modules'


@pytest.fixture
def net():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    net.add_module('none', None)
    net.add_module('again', net[0])
    return net


def test_children(net):
    children = children_of(net)
    assert list(children) == ['0', '1', 'none', 'again'], GONE % 'children'
    assert children['again'] is net[0] and children['none'] is None
    new = nn.Conv2d(1, 2, 3)
    children['again'] = new
    assert net.again is new, GONE % 'children'


def test_parameters_and_buffers(net):
    net[0].bias = None
    assert list(parameters_of(net[0])) == ['weight', 'bias'], (
        GONE % 'parameters')
    assert parameters_of(net[0])['weight'] is net[0].weight
    assert list(buffers_of(
        net[1])) == ['running_mean', 'running_var',
                     'num_batches_tracked'], GONE % 'buffers'
    assert buffers_of(net[1])['running_mean'] is net[1].running_mean


def test_one_parameter(net):
    net[0].bias = None
    assert parameter(net[0], 'weight') is net[0].weight
    assert parameter(net[0], 'bias') is None
    del net[0].weight
    net[0].weight = torch.ones(1)  # as where a hook makes it
    assert parameter(net[0], 'weight') is net[0].weight
    with pytest.raises(AttributeError):
        parameter(net[0], 'gone')


def test_trees(net):
    parameters, buffers, children = trees_of(net)
    assert parameters is parameters_of(net), GONE % 'parameters'
    assert buffers is buffers_of(net), GONE % 'buffers'
    assert children is children_of(net), GONE % 'children'


def test_a_shallow_copy(net):
    twin = shallow_copy(net)
    twin.again = nn.Identity()
    assert isinstance(net.again, nn.Conv2d), GONE % 'children'
    assert twin[0] is net[0]
    x = torch.randn(1, 1, 5, 5)
    assert net[0](x).equal(twin[0](x))


def test_versions(net):
    found = versions_of(nn.BatchNorm2d(2).state_dict())
    assert found[''] == dict(version=2), (
        'state_dict._metadata is gone: mmrep/compat/modules.py needs another '
        'way to the versions of modules')
    assert versions_of({}) is None
