"""Branches that others register, against formulas of their own."""
import copy
import warnings

import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import nn

import mmrep
from mmrep import kernel as K
from mmrep.deploy import relative_difference
from mmrep.dyrep.evolution import Evolution
from mmrep.dyrep.look import Data
from mmrep.kernel import Kernel
from mmrep.layers import BRANCHES, Branch, like
from mmrep.layers.branch import kind_of
from mmrep.structures.from_weights import adopt
from mmrep.testing import randomize_norms

SHAPES = [
    dict(kernel_size=3, padding=1),
    dict(kernel_size=(3, 5), padding=2, dilation=2, groups=2),
    dict(kernel_size=3, padding='same', padding_mode='reflect', groups=8),
    dict(kernel_size=3, padding=1, stride=2),
]


class Minus(Branch):
    """``-gain * norm(x)``."""

    needs_norm = True
    order = 65

    @classmethod
    def fits(cls, name, geometry, normed):
        return geometry.keeps_shape

    def build(self, geometry, norm, factory, gain=1):
        self.gain = gain

    def forward(self, x, geometry):
        return -self.gain * self.norm(geometry.centre(x))

    def kernel(self, geometry):
        eye = K.identity(geometry.in_channels, geometry.groups,
                         **like(self.norm.weight))
        return K.scale(self.folded(eye, geometry), -self.gain)


class Times(Branch):
    """``n * conv_1x1(x)`` by the name ``times_n``, with or without a norm."""

    pattern = r'times_\d'

    def build(self, geometry, norm, factory):
        self.point = nn.Parameter(
            torch.empty(geometry.out_channels,
                        geometry.in_channels // geometry.groups, 1, 1,
                        **factory))

    def weights(self):
        return [self.point]

    @property
    def times(self):
        return int(self.name[-1])

    def forward(self, x, geometry):
        own = geometry.smaller((1, 1))
        return self.normed(self.times * own.conv(x, Kernel(self.point)))

    def kernel(self, geometry):
        return self.folded(K.scale(Kernel(self.point), self.times), geometry)


@pytest.fixture(autouse=True)
def registered():
    known = dict(BRANCHES.module_dict), dict(MODELS.module_dict)
    BRANCHES.register_module('minus', module=Minus)
    BRANCHES.register_module('times_N', module=Times)
    torch.manual_seed(0)
    yield
    for registry, before in zip((BRANCHES, MODELS), known):
        registry.module_dict.clear()
        registry.module_dict.update(before)


def make(branches, **options):
    arguments = dict(SHAPES[0], dtype=torch.double)
    layer = mmrep.BranchedConv2d(
        8, 8, branches=branches, **{
            **arguments,
            **options
        })
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    return randomize_norms(layer)


@pytest.mark.parametrize('shape', SHAPES, ids=str)
@pytest.mark.parametrize('mode', [True, False])
def test_branch_by_branch_and_fused(shape, mode):
    layer = make(('minus', 'times_3', '1x1'), **shape).train(mode)
    x = torch.randn(2, 8, 9, 11, dtype=torch.double)
    twin = copy.deepcopy(layer).eval()
    assert relative_difference(twin(x), twin.forward_branches(x)) < 1e-12
    assert relative_difference(twin(x), twin.fuse()(x)) < 1e-12
    assert ('minus' in layer.branches) == (layer.stride == (1, 1))
    out = layer(x)
    if mode and 'minus' in layer.branches and not isinstance(
            layer.padding, str):
        rest = copy.deepcopy(layer)
        del rest.branches['minus']
        seen = layer.geometry.centre(x)
        norm = layer.branches['minus'].norm
        expected = rest(x) - F.batch_norm(
            seen, None, None, norm.weight, norm.bias, training=True)
        assert relative_difference(out, expected) < 1e-12


def test_order_names_and_options():
    layer = make({'times_2': {}, 'minus': dict(gain=3), '1x1': {}})
    assert list(layer.branches) == ['1x1', 'minus', 'times_2']
    assert layer.options()['branches'] == {
        '1x1': {},
        'minus': dict(gain=3),
        'times_2': {}
    }
    assert kind_of('times_7') is Times and kind_of('times_77') is None
    assert kind_of('times_N') is None
    with pytest.raises(mmrep.UserError, match="'speed': 1.*may have.*gain"):
        make({'minus': dict(speed=1)})
    with pytest.raises(
            mmrep.UserError, match="'times_9x', it may have 1x1.*'times_N'"):
        make(['times_9x'])
    with pytest.raises(mmrep.UserError, match="'minus' needs its norms"):
        make(['minus'], norms='kxk')


def test_weights_tell_the_options_of_a_branch():
    """Also where only their values differ."""
    x = torch.randn(2, 8, 5, 5, dtype=torch.double)
    rich = make({'minus': dict(gain=3)})
    for other in (make(()), make(['minus']), make({'minus': dict(gain=7)})):
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            other.load_state_dict(rich.state_dict())
        assert other.options()['branches'] == {'minus': dict(gain=3)}
        assert torch.equal(other.eval()(x), rich.eval()(x))
    plain = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1)).double()
    weights = {f'0.{k}': v for k, v in rich.state_dict().items()}
    adopt(plain, weights)
    plain.load_state_dict(weights)
    assert torch.equal(plain.eval()(x), rich(x))


def test_told_options_survive_a_move():
    layer = make({'minus': dict(gain=3)})
    told = layer.branches['minus'].told_options.clone()
    layer = layer.to('meta').to_empty(device='cpu')
    assert torch.equal(layer.branches['minus'].told_options, told)


@pytest.mark.parametrize('told', [
    torch.zeros(3), torch.tensor([1, 2], dtype=torch.uint8),
    torch.zeros(5000, dtype=torch.uint8),
    torch.tensor(list(b'{"speed": 1}'), dtype=torch.uint8)
], ids=str)  # yapf: disable
def test_damaged_options(told):
    state = make({'minus': dict(gain=3)}).state_dict()
    state['branches.minus.told_options'] = told
    with pytest.raises(RuntimeError, match='told_options'):
        make(()).load_state_dict(state)


@pytest.mark.parametrize('gain', [torch.ones(1), abs, {1}])
def test_options_are_plain_data(gain):
    with pytest.raises(mmrep.UserError, match='must be plain data'):
        make({'minus': dict(gain=gain)})


@pytest.mark.parametrize('kind, message', [
    (nn.Conv2d, 'derive a class from mmrep.layers.Branch'),
    (abs, 'derive a class from mmrep.layers.Branch'),
    (type('Bad', (Times, ), dict(pattern='(')), 'must be a regular exp'),
    (type('Bad', (Times, ), dict(pattern=3)), 'must be a regular exp'),
])
def test_what_is_no_branch(kind, message):
    with pytest.raises(mmrep.UserError, match=message):
        BRANCHES.register_module('bad', module=kind)
    with pytest.raises(mmrep.UserError, match=message):
        BRANCHES.register_module('bad')(kind)


def test_forgotten_weights():
    kind = type('Forgetful', (Times, ), dict(weights=Branch.weights))
    BRANCHES.register_module('forgetful', module=kind)
    kind.pattern = None
    with pytest.raises(mmrep.UserError, match="a parameter 'point' that"):
        make(['forgetful'])


@pytest.mark.parametrize('norms', [('kxk', 'branches'), ()])
def test_silent_beside_plain_weights(norms):
    names = ['times_2', 'minus'][:1 + bool(norms)]
    conv = nn.Conv2d(8, 8, 3, padding=1).double()
    layer = make(names, norms=norms)
    layer.load_state_dict(conv.state_dict())
    x = torch.randn(2, 8, 5, 5, dtype=torch.double)
    assert relative_difference(layer.eval()(x), conv(x)) < 1e-12
    layer.train()(x).square().sum().backward()
    for branch in layer.branches.values():
        assert any(p.grad is not None and p.grad.any()
                   for p in branch.parameters())


def test_weights_tell_the_structure():
    rich, bare = make(('times_2', 'minus')), make(())
    with pytest.warns(UserWarning, match='has taken over the branches'):
        bare.load_state_dict(rich.state_dict())
    x = torch.randn(2, 8, 5, 5, dtype=torch.double)
    assert bare.config() == rich.config()
    assert torch.equal(bare.eval()(x), rich.eval()(x))


class Net(nn.Module):

    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(),
            nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8))

    def forward(self, x):
        return self.backbone(x)


def test_dyrep_grows_it():
    net = randomize_norms(Net()).double()
    x = torch.randn(4, 3, 8, 8, dtype=torch.double)
    data = Data([x], lambda batch: net(batch).square().mean(), net)
    evolution = Evolution(net, branches=('minus', 'times_3'))
    scores = evolution.new_scores()
    data.run(x).backward()
    scores.add(torch.optim.SGD(net.parameters(), 0.1))
    before = copy.deepcopy(net).train()(x)
    record = evolution.event(0, scores, data)
    assert record['branches'] in (['minus', 'times_3'], ['times_3'])
    assert relative_difference(net.train()(x), before) < 1e-3
    assert relative_difference(mmrep.fuse(net.eval(), x)(x), net(x)) < 1e-12


def test_a_method_that_a_branch_lacks():
    BRANCHES.register_module('halved', module=type('Half', (Branch, ), {}))
    with pytest.raises(
            NotImplementedError,
            match='Half must implement `kernel`, as every kind of Branch'):
        make(['halved']).fuse()


@pytest.mark.parametrize('name', ['half', 'keys', 'a.b'])
def test_a_name_that_no_module_can_have(name):
    BRANCHES.register_module(name, module=type('Other', (Minus, ), {}))
    with pytest.raises(mmrep.UserError, match='register it under another'):
        make([name])
