"""Fusing keeps its promises for any layer."""
import copy
import pickle

import torch
from torch import nn

import mmrep

from .over import over
from .strategies import cases


@over(250, case=cases())
def test_fused_is_branch_by_branch(case):
    layer, x = case.build(), case.image()
    conv = layer.fuse()
    assert type(conv) is nn.Conv2d and not conv.training
    case.check(conv(x).detach(), layer, x)
    case.check(layer(x).detach(), layer, x)
    with torch.no_grad():
        case.check(layer(x), layer, x)


@over(60, case=cases())
def test_again_changes_nothing(case):
    model = nn.Sequential(case.build(), nn.ReLU())
    once = mmrep.fuse(model)
    twice = mmrep.fuse(once)
    assert repr(once) == repr(twice)
    for a, b in zip(once.parameters(), twice.parameters(), strict=True):
        assert a is not b and torch.equal(a, b)


@over(60, case=cases())
def test_twice_gives_the_same(case):
    layer = case.build()
    before = copy.deepcopy(layer.state_dict())
    first, second = layer.fuse(), layer.fuse()
    assert torch.equal(first.weight, second.weight)
    for name, tensor in layer.state_dict().items():
        assert torch.equal(tensor, before[name])


@over(100, case=cases(statistics=['random']))
def test_copies_are_apart(case):
    layer, x = case.build(), case.image()
    with torch.no_grad():
        expected = layer(x)
        for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            assert torch.equal(twin(x), expected)
            for parameter in twin.parameters():
                parameter.add_(1)
            case.check(twin(x), twin, x)
            assert torch.equal(layer(x), expected)


@over(60, case=cases())
def test_fused_keeps(case):
    layer = case.build().train().requires_grad_(False)
    conv = layer.to(memory_format=torch.channels_last).fuse()
    assert conv.training and conv.weight.dtype == case.dtype
    assert not any(p.requires_grad for p in conv.parameters())
    assert conv.weight.is_contiguous(memory_format=torch.channels_last)
    assert {
        k: str(getattr(conv, k))
        for k in case.shape if k != 'bias'
    } == {
        k: str(v)
        for k, v in case.shape.items() if k != 'bias'
    }
