"""Names of modules, and replacing modules in all places."""
import torch
from torch import nn

from mmrep import DBBConv2d
from mmrep.nets.walk import names, rep_layers, replace, tensors


def model():
    shared = nn.Conv2d(4, 4, 1)
    layer = DBBConv2d(4, 4, 3, kxk=dict(type='DBBConv2d'))
    return nn.ModuleDict(
        dict(
            a=shared,
            b=nn.Sequential(shared, layer, nn.Sequential(layer)),
            none=nn.Module()))


def test_all_names_but_not_what_is_inside_of_layers():
    net = model()
    net.none.register_module('empty', None)
    found = names(net)
    assert found[net] == [''] and found[net['a']] == ['a', 'b.0']
    assert found[net['b'][1]] == ['b.1', 'b.2.0']
    assert list(rep_layers(net)) == [net['b'][1]]
    assert not any(
        name.startswith('b.1.') for paths in found.values() for name in paths)


def test_replaces_in_all_places():
    net, new, relu = model(), nn.Conv2d(4, 4, 1), nn.ReLU()
    assert replace(net, {net['a']: new, net['b'][1]: relu}) is net
    assert net['a'] is net['b'][0] is new
    assert net['b'][1] is net['b'][2][0] is relu
    assert replace(net, {net: new}) is new


def test_tensors():
    a, b, c = torch.ones(1), torch.zeros(2), torch.ones(3)
    assert list(tensors(a)) == [a]
    found = list(tensors([a, (b, None, 'x'), dict(y=[c], z=1)]))
    assert [id(t) for t in found] == [id(a), id(b), id(c)]
