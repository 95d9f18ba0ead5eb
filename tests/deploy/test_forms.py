"""Both forms of a net load the right weights."""
import pytest
import torch
from torch import nn

import mmrep
from mmrep.checkpoints.weights import Weights
from mmrep.deploy import relative_difference
from mmrep.deploy.forms import load_plain, load_rich
from mmrep.errors import UserError
from mmrep.testing import randomize_norms


def plain(**options):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 2, 3, **options), nn.BatchNorm2d(2), nn.Conv2d(2, 2, 3))


def rich(include=None):
    net = mmrep.reparameterize(plain(), 'DBBConv2d', include=include)
    return randomize_norms(net)


def read(net, **meta):
    return Weights(net.state_dict(), meta)


@pytest.mark.parametrize('into', [plain, rich])
def test_rich_weights(into):
    """A plain net gets the blocks of the weights, too."""
    net, x = rich().eval(), torch.randn(1, 2, 8, 8)
    loaded = load_rich(into().train(), read(net), 'a.pth')
    assert not loaded.training
    assert relative_difference(net(x), loaded(x)) < 1e-5


def test_a_part_of_the_layers_is_plain():
    """The config of such a net has got more blocks since its training."""
    loaded = load_rich(rich(), read(rich(include='0')), 'a.pth')
    assert mmrep.structure(loaded).keys() == {'0', '2'}


@pytest.mark.parametrize('make, weights, words', [
    (rich, read(plain()), "'a.pth' is fused already"),
    (plain, read(plain(), mmrep_fused='0'), "'a.pth' is fused already"),
    (rich, read(rich(), mmrep_fused='0'), "'a.pth' is fused already"),
    (plain, read(plain()), 'nothing to fuse'),
    (rich, read(nn.Sequential(rich())), 'another architecture'),
    (rich, Weights({}, {}), 'another architecture'),
])
def test_what_is_not_to_be_fused(make, weights, words):
    with pytest.raises(UserError, match=words):
        load_rich(make(), weights, 'a.pth')


def test_plain_weights():
    net, x = rich().eval(), torch.randn(1, 2, 8, 8)
    loaded = load_plain(plain().train(), mmrep.fuse(net))
    assert not loaded.training
    assert relative_difference(net(x), loaded(x)) < 1e-5


def test_a_bias_without_a_place():
    with pytest.raises(UserError, match="cannot fuse '0': it needs a bias"):
        load_plain(plain(bias=False), plain())


def test_a_form_that_is_not_plain():
    with pytest.raises(UserError, match='still has a DBBConv2d'):
        load_plain(rich(include='0'), plain())
