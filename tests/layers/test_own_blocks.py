"""Blocks that others write need only what the protocol asks for."""
import copy

import pytest
import torch
from mmengine.registry import MODELS, Registry
from torch import nn

import mmrep
from mmrep import kernel as K
from mmrep.deploy import relative_difference
from mmrep.kernel import Kernel
from mmrep.layers.block_types import block_type, check_block
from mmrep.layers.loading import Foreign
from mmrep.layers.lookup import registered_name
from mmrep.structures.from_weights import adopt
from mmrep.testing import randomize_norms


class Twofold(mmrep.RepConv2d):
    """``conv_kxk(x) + strength * conv_kxk_2(x)``."""

    def __init__(self, *args, strength=2., **kwargs):
        super().__init__(*args, **kwargs)
        self.strength = strength
        self.other = nn.Parameter(torch.empty_like(self.weight))
        self.reset_parameters()

    def branch_kernels(self):
        yield Kernel(self.weight)
        yield K.scale(Kernel(self.other), self.strength)

    def reset_parameters(self):
        for weight in (self.weight, self.other):
            nn.init.kaiming_uniform_(weight)
        self.reset_bias()

    def silence(self):
        nn.init.zeros_(self.other)


class Known(Twofold):
    """A block that tells its weights from those of other blocks."""

    @classmethod
    def read(cls, weights, block=None):
        if 'other' not in weights:
            raise Foreign
        return dict(strength=block.strength if block else 2.)


@pytest.fixture(autouse=True)
def registered():
    before = dict(MODELS.module_dict)
    MODELS.register_module('Two', module=Twofold)
    MODELS.register_module('KnownConv2d', module=Known)
    torch.manual_seed(0)
    yield
    MODELS.module_dict.clear()
    MODELS.module_dict.update(before)


@pytest.fixture
def x():
    return torch.randn(2, 8, 9, 7, dtype=torch.double)


def conv():
    return nn.Conv2d(8, 8, 3, 2, 2, 2, 2, dtype=torch.double)


def test_defaults_are_enough(x):
    plain = conv()
    layer = block_type('Two').from_conv(plain, strength=3.)
    assert relative_difference(layer(x), plain(x)) < 1e-12
    nn.init.normal_(layer.other)
    other = copy.deepcopy(plain)
    other.weight.data.copy_(layer.other)
    other.bias = None
    expected = plain(x) + 3 * other(x)
    for forward in (layer, layer.forward_branches, layer.fuse()):
        assert relative_difference(forward(x), expected) < 1e-12


def test_own_arguments_are_attributes():
    layer = block_type('Two')(8, 8, 3, strength=3.)
    assert layer.config() == dict(type='Two', strength=3.)
    layer.set_options(strength=3.)
    with pytest.raises(mmrep.UserError, match=r'`strength` \(=4.0\) of a Tw'):
        layer.set_options(strength=4.)
    with pytest.raises(mmrep.UserError, match="take 'power'.*have strength"):
        check_block(dict(type='Two', power=1))


def test_a_registered_name_of_its_own(x):
    net = nn.Sequential(conv(), nn.BatchNorm2d(8)).double().eval()
    before = net(x)
    mmrep.reparameterize(net, dict(type='Two', strength=1.))
    assert relative_difference(net(x), before) < 1e-12
    found = mmrep.structure(net)
    assert found == {'0': dict(type='Two', strength=1.)}
    again = mmrep.restructure(
        nn.Sequential(conv(), nn.BatchNorm2d(8)).double(), found)
    assert type(again[0]) is Twofold
    again.load_state_dict(net.state_dict())
    assert torch.equal(again.eval()(x), net(x))


@pytest.mark.parametrize('kind', ['Two', 'KnownConv2d', 'RepVGGConv2d'])
@pytest.mark.parametrize('place', ['kxk', 'second'])
def test_in_place_of_a_kernel(kind, place, x):
    inner = dict(type=kind)
    options = dict(kxk=inner) if place == 'kxk' else dict(
        branches={'1x1_kxk': dict(second=inner)})
    layer = mmrep.DBBConv2d(8, 8, 3, padding=1, dtype=torch.double, **options)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    randomize_norms(layer).eval()
    assert registered_name(layer.inner_blocks()[place]) == kind
    assert relative_difference(layer(x), layer.forward_branches(x)) < 1e-12
    again = mmrep.DBBConv2d(
        8, 8, 3, padding=1, dtype=torch.double, **layer.options())
    again.load_state_dict(layer.state_dict())
    assert torch.equal(again.eval()(x), layer(x))


def test_weights_tell_a_block_in_a_block(x):
    rich = randomize_norms(
        mmrep.DBBConv2d(
            8, 8, 3, dtype=torch.double, kxk=dict(type='KnownConv2d')))
    bare = mmrep.DBBConv2d(8, 8, 3, dtype=torch.double)
    with pytest.warns(UserWarning, match='has taken over'):
        bare.load_state_dict(rich.state_dict())
    assert type(bare.kxk) is Known
    assert torch.equal(bare.eval()(x), rich.eval()(x))


@pytest.mark.parametrize('kind', [Known, mmrep.OREPAConv2d])
def test_weights_tell_a_block_in_a_plain_net(kind, x):
    rich = nn.Sequential(kind.from_conv(conv()))
    for parameter in rich.parameters():
        nn.init.normal_(parameter)
    plain = nn.Sequential(conv())
    adopt(plain, rich.state_dict())
    plain.load_state_dict(rich.state_dict())
    assert type(plain[0]) is kind
    assert relative_difference(plain(x), rich(x)) < 1e-12


def test_a_host_registry(x):
    """A name begins with the scope of the registry that has it."""
    child = Registry('model', parent=MODELS, scope='mmown')
    try:
        child.register_module('Mine', module=type('Other', (Twofold, ), {}))
        net = nn.Sequential(conv())
        mmrep.reparameterize(net, 'mmown.Mine')
        found = mmrep.structure(net)
        assert found == {'0': dict(type='mmown.Mine', strength=2.)}
        again = mmrep.restructure(nn.Sequential(conv()), found)
        assert type(again[0]) is type(net[0])
        with pytest.raises(mmrep.UserError, match="of .*'mmown.Mine'"):
            block_type('Mine')
    finally:
        MODELS.children.pop('mmown')


def test_structures_of_kinds_that_no_registry_has():
    kind = type('Unknown', (Twofold, ), {})
    net = nn.Sequential(kind(4, 4, 3))
    with pytest.raises(mmrep.UserError, match="'0' is a Unknown, which no"):
        mmrep.structure(net)


class Loud(Twofold):

    def silence(self):
        pass


class Small(Twofold):

    def branch_kernels(self):
        yield Kernel(self.weight[..., :1, :1])


class Bare(Twofold):

    def __init__(self, *args, power=1, **kwargs):
        super().__init__(*args, **kwargs)


@pytest.mark.parametrize('kind, message', [
    (Loud, '`silence` of Loud leaves branches that add something'),
    (Small, 'Small merges to a kernel of shape .8, 4, 1, 1.'),
])
def test_mistakes_of_an_author(kind, message):
    with pytest.raises(mmrep.UserError, match=message):
        kind.from_conv(conv())


def test_more_mistakes_of_an_author():
    with pytest.raises(mmrep.UserError, match="keep its argument 'power'"):
        Bare(4, 4, 3).config()
    with pytest.raises(mmrep.UserError, match='Small merges'):
        Small(4, 4, 3).fuse()
    kind = type('Half', (Twofold, ),
                dict(reset_parameters=mmrep.RepConv2d.reset_parameters))
    with pytest.raises(NotImplementedError, match='Half must implement `res'):
        kind(4, 4, 3)


def test_norms_as_around():
    """A block that takes `norm_cfg` gets that of the block around it."""

    class Normed(mmrep.BranchedConv2d):
        pass

    MODELS.register_module('Normed', module=Normed)
    assert Normed.takes_norm_cfg and not Twofold.takes_norm_cfg
    layer = mmrep.DBBConv2d(
        4, 4, 3, kxk=dict(type='Normed'), norm_cfg=dict(type='BN', eps=.1))
    assert layer.kxk.norm.eps == .1


def test_blocks_inside_take_what_no_text_holds():
    """A process group of a norm, say: only told options must be texts."""
    group = object()
    second = dict(
        type='DBBConv2d', norm_cfg=dict(type='SyncBN', process_group=group))
    layer = mmrep.DBBConv2d(4, 4, 3, branches={'1x1_kxk': dict(second=second)})
    inner = layer.inner_blocks()['second']
    assert inner.norm.process_group is group


@pytest.mark.parametrize('kind', [
    mmrep.DBBConv2d, mmrep.OREPAConv2d, mmrep.MobileOneConv2d,
    mmrep.LargeKernelConv2d
])
def test_a_typo_tells(kind):
    with pytest.raises(TypeError, match="unexpected keyword.*'paddding'"):
        kind(4, 4, 3, paddding=1)
    with pytest.raises(TypeError, match='positional'):
        kind(4, 4, 3, 1, 1, 1, 1, True, 'zeros', None, None, ['1x1'])
