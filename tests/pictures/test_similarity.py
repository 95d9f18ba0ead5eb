"""Cosines are those of the contributions to the fused kernel."""
import math

import numpy as np
import pytest
import torch
from torch import nn

from mmrep import (BranchedConv2d, DBBConv2d, MobileOneConv2d, OREPAConv2d,
                   OREPAVGGConv2d)
from mmrep.pictures.similarity import cosines, likenesses
from mmrep.testing import randomize_norms


def cosine(a, b):
    """Return the cosine of two kernels by its definition."""
    a, b = (np.asarray(x.detach().double()).ravel() for x in (a, b))
    return float((a * b).sum() / math.sqrt((a * a).sum() * (b * b).sum()))


def test_cosines():
    found = cosines(
        dict(
            a=torch.tensor([3.0, 4.0]),
            b=torch.tensor([4.0, 3.0]),
            c=torch.tensor([-8.0, 6.0]),
            zero=torch.zeros(2)))
    expected = [[1, 0.96, 0], [0.96, 1, -0.28], [0, -0.28, 1]]
    assert found[:3, :3].numpy() == pytest.approx(np.array(expected))
    assert found[3].isnan().all() and found[:, 3].isnan().all()


def contributions(block, names):
    """Return what the fused kernel loses without each branch."""
    whole, found = block.fuse().weight, []
    for name in names:
        part = block.branches[name] if name in block.branches else block
        gamma = part.norm.weight
        before = gamma.detach().clone()
        gamma.data.zero_()
        found.append(whole - block.fuse().weight)
        gamma.data.copy_(before)
    return found


@pytest.mark.parametrize('block', [
    lambda: DBBConv2d(6, 6, 3, padding=1),
    lambda: MobileOneConv2d(6, 6, 3, padding=1, num_convs=2),
    lambda: OREPAVGGConv2d(6, 6, 3, padding=1, norms=('kxk', 'branches')),
    lambda: BranchedConv2d(
        4, 4, 3, dilation=2, padding=2, groups=2,
        branches=('1x1', '1x1_kxk', '1xk', 'identity')),
])  # yapf: disable
def test_blocks_with_norms(block):
    block = block().double().eval()
    randomize_norms(block)
    found = likenesses(block)[0]
    names = ['kxk', *block.branches]
    assert found.name == '' and found.branches == names
    kernels = contributions(block, names)
    for i, a in enumerate(kernels):
        for j, b in enumerate(kernels):
            assert found.matrix[i, j].item() == pytest.approx(
                cosine(a, b), abs=1e-9)


@pytest.mark.parametrize('scaling', ['vector', 'scalar'])
@pytest.mark.parametrize('shape', [(6, 4, 3), (4, 4, 3), (5, 7, 1)])
def test_orepa(shape, scaling):
    block = OREPAConv2d(*shape, scaling=scaling).double()
    nn.init.normal_(block.scale)
    found, = likenesses(block)
    assert found.branches == block.names
    kernels, scales = [], block.scale.detach().clone()
    for i in range(len(block.names)):
        block.scale.data.zero_()
        block.scale.data[i] = scales[i]
        kernels.append(block.fuse().weight)
    for i, a in enumerate(kernels):
        for j, b in enumerate(kernels):
            assert found.matrix[i, j].item() == pytest.approx(
                cosine(a, b), abs=1e-9)
    others = [
        abs(cosine(a, b)) for a in kernels for b in kernels if a is not b
    ]
    assert found.mean == pytest.approx(np.mean(others))


def test_branches_of_zero_do_not_count():
    """With the weights of a plain convolution, all branches are silent."""
    block = OREPAConv2d.from_conv(nn.Conv2d(4, 4, 3))
    found, = likenesses(block)
    assert math.isnan(found.mean)
    assert found.matrix[0, 0].item() == pytest.approx(1)
    block.scale.data[1] = 1
    found, = likenesses(block)
    assert found.mean == pytest.approx(abs(found.matrix[0, 1].item()))


@pytest.fixture
def net():
    """A stem, a block in a block, and layers with nothing to compare."""
    inner = dict(type='DBBConv2d', branches=('1x1', ))
    return nn.ModuleDict(
        dict(
            stem=OREPAConv2d(3, 4, 7),
            rich=nn.ModuleList([DBBConv2d(4, 4, 3, kxk=inner)]),
            one=OREPAConv2d(4, 4, 3, branches=['origin']),
            plain=nn.Conv2d(4, 4, 3)))


def names_of(found):
    return [block.name for block in found]


def test_all_blocks_of_a_net(net):
    stem = [f'stem.branches.stem.factors.{i}' for i in range(3)]
    assert names_of(likenesses(net)) == [*stem, 'rich.0', 'rich.0.kxk']
    assert likenesses(net.plain) == likenesses(net.one) == []


@pytest.mark.parametrize('include, expected', [
    (['rich'], ['rich.0', 'rich.0.kxk']),
    (['rich.?'], ['rich.0', 'rich.0.kxk']),
    (['*.kxk', 'stem.*.1'], ['stem.branches.stem.factors.1', 'rich.0.kxk']),
    (['ric'], []),
])
def test_some_blocks(net, include, expected):
    seen = []

    def progress(items):
        for item in items:
            seen.append(item)
            yield item

    assert names_of(likenesses(net, include, progress)) == expected
    assert len(seen) == len(expected)


def test_nothing_changes(net):
    before = {k: v.clone() for k, v in net.state_dict().items()}
    likenesses(net)
    assert net.training
    for name, tensor in net.state_dict().items():
        assert tensor.equal(before[name]), name
