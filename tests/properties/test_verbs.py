"""The verbs on a model: make it rich, describe it, rebuild it, fuse it."""
import copy
import json

import torch
from torch import nn

import mmrep

from .case import EXACT, relative
from .over import over
from .strategies import cases, pairs


class Net(nn.Module):
    """One convolution under two names, and a frozen one before a norm."""

    def __init__(self, case):
        super().__init__()
        self.first = self.alias = case.conv()
        other = case._replace(seed=case.seed + 1).conv()
        self.other = nn.Sequential(
            other.requires_grad_(False),
            nn.BatchNorm2d(other.out_channels, dtype=case.dtype))

    def forward(self, x):
        return torch.cat([self.first(x) - 2 * self.alias(x), self.other(x)])


def config(case):
    return dict(type=case.cls.__name__, **case.options)


def net(case):
    """Return a net and what it computes."""
    model = Net(case).eval()
    return model, model(case.image()).detach()


def rich_net(case):
    """Return a rich net, trained so that no value is its first one."""
    model = mmrep.reparameterize(net(case)[0], config(case))
    trained = case.build().state_dict()
    model.first.load_state_dict(trained)
    return model.eval()


@over(150, case=cases())
def test_reparameterized_keeps(case):
    model, expected = net(case)
    before = dict(model.named_parameters())
    model.other.train()
    assert mmrep.reparameterize(model, config(case)) is model
    assert model.first is model.alias and type(model.first) is case.cls
    assert model.first.origin is before['first.weight']
    assert model.first.bias is before.get('first.bias')
    assert model.other[0].origin is before['other.0.weight']
    assert not model.other[0].trains and model.first.origin.requires_grad
    assert model.other[0].training and not model.first.training
    assert {p.dtype for p in model.parameters()} == {case.dtype}
    out = model.eval()(case.image())
    assert relative(out, expected) < EXACT[case.dtype]


@over(100, case=cases())
def test_reparameterized_and_fused(case):
    model, expected = net(case)
    keys = model.state_dict().keys()
    fused = mmrep.fuse(mmrep.reparameterize(model, config(case)))
    assert relative(fused(case.image()), expected) < EXACT[case.dtype]
    assert fused.first is fused.alias
    assert keys <= fused.state_dict().keys()
    assert not any(isinstance(m, mmrep.RepConv2d) for m in fused.modules())


@over(100, case=cases())
def test_trained_and_fused(case):
    model, x = rich_net(case), case.image()
    fused = mmrep.fuse(model)
    case.check(fused.first(x).detach(), model.first, x)
    case.check(model.first(x).detach(), model.first, x)


@over(100, case=cases())
def test_structure_and_back(case):
    model, x = rich_net(case), case.image()
    described = mmrep.structure(model)
    assert set(described) == {'first', 'other.0'}
    data = json.loads(json.dumps(described))
    assert data == described
    twin = mmrep.restructure(net(case)[0], data)
    assert mmrep.structure(twin) == described
    twin.load_state_dict(model.state_dict(), strict=True)
    with torch.no_grad():
        assert torch.equal(twin(x), model(x))


@over(100, pair=pairs(statistics=['random']))
def test_restructured_computes_the_same(pair):
    case, other = pair
    model, x = rich_net(case), case.image()
    layer = copy.deepcopy(model.first)
    wanted = mmrep.structure(rich_net(other))
    mmrep.restructure(model, wanted)
    assert mmrep.structure(model) == wanted and model.first is model.alias
    case.check(model.first(x).detach(), layer, x)
    mmrep.restructure(model, {})
    assert type(model.first) is nn.Conv2d
    case.check(model.first(x).detach(), layer, x)


@over(60, case=cases())
def test_own_structure_changes_nothing(case):
    model = rich_net(case)
    modules = list(model.modules())
    mmrep.restructure(model, mmrep.structure(model))
    assert all(a is b for a, b in zip(modules, model.modules(), strict=True))
