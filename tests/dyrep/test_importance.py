"""The importance of branches, and which of them are cut."""
import pytest
import torch

from mmrep import DBBConv2d
from mmrep.dyrep import SEVEN
from mmrep.dyrep.importance import find_blocks, importances, redundant

from .nets import Classifier, block, evolved


def test_importances():
    net, *_ = evolved()
    own = net.conv.norm.weight.abs().mean().item()
    found = importances(net.conv)
    assert list(found) == list(SEVEN)
    for name, value in found.items():
        gamma = net.conv.branches[name].norm.weight.abs().mean().item()
        assert value == pytest.approx(gamma / own)


def test_blocks_without_the_norms_have_no_importances():
    assert importances(DBBConv2d(4, 4, 3, norms=('branches', ))) == {}
    bare = DBBConv2d(4, 4, 3, branches=('1x1', ), norms=('kxk', ))
    assert importances(bare) == {}


@pytest.mark.parametrize(
    'weights, expected',
    [
        ([], ''),
        ([0.5], ''),
        ([0.05], ''),  # one alone does not differ
        ([0.0009], 'a'),  # below a tenth of init_gamma
        ([0.0009, 0.0005], 'ab'),  # all are below
        ([0.011, 0.012], ''),  # they differ little
        ([0.05, 0.2, 0.3], 'a'),
        ([0.05, 0.09, 0.09], 'a'),  # below the mean, not only below 0.1
        ([0.11, 0.5, 0.9], ''),  # below the mean, not below 0.1
        ([0.01, 0.02, 0.05, 0.0001], 'abd'),
    ])
def test_redundant(weights, expected):
    names = dict(zip('abcd', weights))
    assert redundant(names, 0.02, 0.01) == list(expected)


@pytest.mark.parametrize('seed', range(20))
def test_redundant_as_the_paper_says(seed):
    """The rules of section 4.2 are written in plain Python."""
    torch.manual_seed(seed)
    weights = (torch.rand(6) * 0.3).tolist()
    mean = sum(weights) / 6
    deviation = (sum((w - mean)**2 for w in weights) / 5)**0.5
    expected = [
        i for i, w in enumerate(weights)
        if w < 0.001 or (deviation > 0.08 and w < mean and w < 0.1)
    ]
    assert redundant(dict(enumerate(weights)), 0.08, 0.01) == expected


def test_blocks_inside_come_first():
    net, *_ = evolved(None, ('kxk', ), ('second', ), ('kxk', 'second'))
    names = [site.name for site, _ in find_blocks(net, 'conv')]
    assert set(names) == {
        'conv', 'conv.kxk', 'conv.branches.1x1_kxk.second',
        'conv.kxk.branches.1x1_kxk.second'
    }
    assert names[-1] == 'conv'
    assert names.index('conv.kxk') > names.index(
        'conv.kxk.branches.1x1_kxk.second')
    for site, layer in find_blocks(net, 'conv'):
        assert layer is block(net, *site.inside)


def test_only_what_trains_in_the_scope():
    net = Classifier(frozen_stages=1)
    for module in (net.backbone.layer1[0], net.backbone.layer2[0], net):
        module.conv2 = DBBConv2d(8, 8, 3, padding=1)
    net.backbone.layer1[0].conv2.requires_grad_(False)
    names = [site.name for site, _ in find_blocks(net, 'backbone')]
    assert names == ['backbone.layer2.0.conv2']
    assert not list(find_blocks(net, 'backbone.layer3'))
