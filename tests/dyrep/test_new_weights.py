"""New branches begin with the weights of the official code."""
import math

import pytest
import torch
from torch import nn

from mmrep import BranchedConv2d
from mmrep.dyrep import SEVEN
from mmrep.dyrep.growing import NORMS, add_branches
from mmrep.dyrep.new_weights import as_authors, draw
from mmrep.dyrep.sites import Site

from .nets import check, data_of, grow, looks, net_of, other_batch

NETS = dict(
    dense=dict(in_channels=128, out_channels=128),
    wider=dict(in_channels=64, out_channels=128, stride=2),
    grouped=dict(in_channels=256, out_channels=256, groups=4),
    depthwise=dict(in_channels=1024, out_channels=1024, groups=1024),
    stem=dict(in_channels=3, out_channels=64, kernel_size=7, padding=3))
over_nets = pytest.mark.parametrize('options', NETS.values(), ids=NETS)


def grown(options, seed):
    """Return a convolution of full width with all branches that fit it."""
    conv = nn.Conv2d(**{**dict(kernel_size=3, padding=1), **options})
    net = nn.Sequential(conv, nn.BatchNorm2d(conv.out_channels))
    return add_branches(net, Site('0'), SEVEN, seed)


def kernels(block):
    """Return the weight of each convolution of each branch, by name."""
    found = {}
    for name, branch in block.branches.items():
        if hasattr(branch, 'first') and branch.first is not None:
            found[f'{name}/first'] = branch.first_weight().detach()
        if name == '1x1_kxk':
            found[f'{name}/second'] = branch.second.detach()
        if hasattr(branch, 'weight'):
            found[name] = branch.weight.detach()
    return found


def off(weight):
    """Return the error of a scale, as a multiple of the allowed error."""
    out_channels, _, height, width = weight.shape
    std = math.sqrt(2 / (out_channels * height * width))
    ratio = weight.square().mean().sqrt().item() / std
    # five times the deviation of a sample of this size may be off
    return abs(ratio - 1) / max(0.03, 5 / math.sqrt(2 * weight.numel()))


@over_nets
def test_scales(options):
    """Scales are within 3 %; small kernels are drawn several times."""
    drawn = [kernels(grown(options, seed)) for seed in range(4)]
    names = set(drawn[0])
    few = {'1x1', '1xk', 'kx1', '1x1_kxk/first', '1x1_kxk/second'}
    depthwise = options.get('groups') == options['in_channels']
    assert names == few | (set() if depthwise else {'1x1_average/first'})
    for name in names:
        weight = torch.cat([each[name] for each in drawn], 1)
        assert off(weight) < 1, name
        assert abs(weight.mean() / weight.std()) < 5 / weight.numel()**0.5


@pytest.mark.parametrize('name', [name for name in NETS if name != 'stem'])
def test_the_layers_own_weights_are_others(name):
    """DBB's own initial weights would fail the test of scales."""
    block = grown(NETS[name], 0)
    for branch in block.branches.values():
        branch.reset_parameters()
    for name, weight in kernels(block).items():
        assert off(weight) > 1, name


@over_nets
def test_widths(options):
    """Depthwise blocks are included, and options that were given stay."""
    branch = grown(options, 0).branches['1x1_kxk']
    assert len(branch.first) == options['in_channels']
    assert branch.first_weight() is branch.first  # so it decays to zero
    given = {'1x1_kxk': dict(channels=12, difference=True), '1x1': {}}
    assert as_authors(given, 8) == given
    assert as_authors('1x1', 8) == {'1x1': {}}


def test_norms_begin_as_ever():
    for norm in grown(NETS['dense'], 0).norms_inside():
        assert (norm.weight == 1).all() and not norm.bias.any()
        assert not norm.running_mean.any() and (norm.running_var == 1).all()


def test_a_block_inside_of_a_branch_keeps_its_own():
    torch.manual_seed(0)
    second = dict(type='OREPAConv2d')
    block = BranchedConv2d(
        8, 8, 3, branches={'1x1_kxk': dict(second=second)}, norms=NORMS)
    branch = block.branches['1x1_kxk']
    before = {k: v.clone() for k, v in branch.second.state_dict().items()}
    first = branch.first.clone()
    draw(branch)
    for name, tensor in branch.second.state_dict().items():
        assert tensor.equal(before[name]), name
    assert not branch.first.equal(first)


@pytest.mark.parametrize('options', [
    dict(in_channels=512, out_channels=512, groups=512),
    dict(in_channels=256, out_channels=256, groups=4)
])
def test_wide_growth_keeps_the_function(options):
    """Fan-out weights of wide groups are tiny in front of their norms."""
    torch.manual_seed(1)
    net = net_of(nn.Conv2d(kernel_size=3, padding=1, bias=False, **options))
    data, other = data_of(net, size=8), other_batch(size=8)
    before = looks(net, data, other)
    grow(net, data, (), ('kxk', ))
    check(net, data, before, other)
