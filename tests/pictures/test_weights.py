"""Facts read from names and weights agree with the blocks."""
import pytest
import torch
from torch import nn

import mmrep
from mmrep.dyrep import SEVEN
from mmrep.dyrep.importance import importances
from mmrep.layers import BranchedConv2d
from mmrep.pictures.weights import KERNEL, read_convs
from mmrep.testing import randomize_norms

INNER = dict(type='DBBConv2d', branches=SEVEN, norms=('kxk', 'branches'))


def evolved():
    """A block with blocks in its kxk, its 1x1_kxk and the latter's kxk."""
    net = nn.Sequential(nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 1))
    second = dict(INNER, kxk=dict(INNER))
    branches = {**{name: {} for name in SEVEN}, '1x1_kxk': dict(second=second)}
    block = dict(INNER, branches=branches, kxk=dict(INNER))
    mmrep.restructure(net, {'0': block})
    randomize_norms(net)
    return net


def test_importances_are_those_of_dyrep():
    net = evolved()
    expected = {
        name: importances(module)
        for name, module in net.named_modules()
        if isinstance(module, BranchedConv2d)
    }
    rich, plain = read_convs(net.state_dict())
    assert len(expected) == 4 and plain == ('2', [])
    found = {block.name: dict(block.weights) for block in rich.blocks}
    assert all(weights.pop(KERNEL) == 1 for weights in found.values())
    assert found.keys() == expected.keys()
    for name in found:
        assert found[name] == pytest.approx(expected[name])


def test_blocks_are_read_outermost_first():
    blocks = read_convs(evolved().state_dict())[0].blocks
    inner = '0.branches.1x1_kxk.second'
    names = [block.name for block in blocks]
    assert names == ['0', '0.kxk', inner, inner + '.kxk']
    nested = [block.nested for block in blocks]
    assert nested == [('kxk', '1x1_kxk'), (), ('kxk', ), ()]
    assert {block.kernel_size for block in blocks} == {(3, 3)}


def test_orepa():
    layer = mmrep.OREPAConv2d(4, 6, 3)
    with torch.no_grad():
        layer.scale.copy_(torch.arange(1, 7)[:, None] * torch.tensor([-2.]))
    conv, = read_convs(layer.state_dict())
    values = dict(zip((KERNEL, *layer.names[1:]), range(1, 7)))
    assert conv.name == '' and conv.blocks[0].weights == values


def test_without_an_origin_there_is_nothing_to_compare_with():
    names = ('prior', '1x1')
    for scaling in ('vector', 'none'):
        layer = mmrep.OREPAConv2d(4, 4, 3, branches=names, scaling=scaling)
        block, = read_convs(layer.state_dict())[0].blocks
        assert block.weights == dict.fromkeys(names)


def test_stem():
    conv, = read_convs(mmrep.OREPAConv2d(3, 4, 7).state_dict())
    sizes = [block.kernel_size for block in conv.blocks]
    assert sizes == [(7, 7), (3, 3), (3, 3), (3, 3)]
    assert conv.blocks[0].weights == dict(stem=None)
    assert conv.blocks[0].nested == ('stem', )


def test_stem_of_plain_kernels():
    layer = mmrep.OREPAConv2d(3, 4, 7, branches='plain_stem')
    block, = read_convs(layer.state_dict())[0].blocks
    assert block.kernel_size == (7, 7) and block.nested == ()
    assert block.weights == dict(plain_stem=None)


@pytest.mark.parametrize('layer, weights', [
    (mmrep.QARepVGGConv2d, {KERNEL: 1, '1x1': None, 'identity': None}),
    (mmrep.OREPAVGGConv2d, {KERNEL: 1, '1x1': 1, 'identity': 1}),
    (mmrep.MobileOneConv2d,
     {KERNEL: 1, 'kxk_1': 1, 'kxk_2': 1, 'kxk_3': 1, '1x1': 1,
      'identity': 1}),
])  # yapf: disable
def test_other_families(layer, weights):
    block = read_convs(layer(4, 4, 3, padding=1).state_dict())[0].blocks[0]
    assert block.weights == pytest.approx(weights)


def test_a_block_that_lost_its_branches():
    layer = mmrep.DBBConv2d(4, 4, 3, branches=(), norms='kxk')
    nn.init.zeros_(layer.weight)
    block, = read_convs(layer.state_dict())[0].blocks
    assert block.weights == {KERNEL: 1}


def test_names_of_others_are_no_blocks():
    kernel, norm = torch.ones(2, 2, 3, 3), torch.ones(2)
    convs = read_convs({
        'stage.branches.0.conv.weight': kernel,  # HRNet
        'stage.branches.0.norm.weight': norm,
        'embed.projection.weight': kernel,  # a transformer
        'embed.norm.weight': norm,
        'embed.norm.running_mean': norm,
        'head.weight': torch.ones(2, 2),
        'other.weight': kernel,
        'other.branches.left.weight': torch.ones(2),
        'deform.weight': kernel,
        'deform.conv_offset.weight': kernel,
    })
    assert convs == [('stage.branches.0.conv', []), ('embed.projection', []),
                     ('other', []), ('deform', []), ('deform.conv_offset', [])]
