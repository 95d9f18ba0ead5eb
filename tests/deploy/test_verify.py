"""The comparison of fused and training form sees real differences."""
import math

import cv2
import numpy as np
import pytest
import torch
from torch import nn

import mmrep
from mmrep import OREPAConv2d, RepVGGConv2d
from mmrep.cli import UserError
from mmrep.deploy import example_input, relative_difference, worst_difference
from mmrep.nets.walk import branch_by_branch
from mmrep.testing import randomize_norms


class Net(nn.Module):
    """A net whose head the features do not show."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(
            RepVGGConv2d(3, 8, 3), nn.ReLU(), OREPAConv2d(8, 8, 3))
        self.decode_head = RepVGGConv2d(8, 4, 3)

    def extract_feat(self, x):
        return self.backbone(x)


@pytest.fixture
def nets():
    torch.manual_seed(0)
    net = randomize_norms(Net()).eval()
    return net, mmrep.fuse(net)


def test_equal(nets):
    assert worst_difference(*nets, example_input()) < 1e-5


@pytest.mark.parametrize('name', ['backbone.0', 'backbone.2', 'decode_head'])
def test_a_wrong_weight_is_seen(nets, name):
    with torch.no_grad():
        nets[1].get_submodule(name).weight[0, 0, 0, 0] += 0.5
    assert worst_difference(*nets, example_input()) > 1e-3


def test_a_wrong_fusion_is_seen(nets, monkeypatch):
    kernel = RepVGGConv2d.merge

    def wrong(self):
        k = kernel(self)
        return k._replace(bias=k.bias * 1.01)

    monkeypatch.setattr(RepVGGConv2d, 'merge', wrong)
    net = nets[0]
    assert worst_difference(net, mmrep.fuse(net), example_input()) > 1e-4


@pytest.mark.parametrize(
    'head', [
        nn.ModuleList([nn.Identity()]),
        nn.Module(),
        nn.Bilinear(2, 2, 2),
    ],
    ids=lambda head: type(head).__name__)
def test_heads_that_need_more_than_features(nets, head):
    for net in nets:
        net.head = head
    assert worst_difference(*nets, example_input()) < 1e-5


def test_a_layer_that_nothing_reaches_is_compared_by_itself(nets, monkeypatch):
    net = nets[0]
    net.mask_head = randomize_norms(RepVGGConv2d(4, 4, 3)).eval()
    fused = mmrep.fuse(net)
    assert worst_difference(net, fused, example_input()) < 1e-5
    monkeypatch.setattr(net.mask_head, 'fuse', lambda: nn.Conv2d(4, 4, 3))
    assert worst_difference(net, fused, example_input()) > 0.1


def test_not_finite(nets):
    with torch.no_grad():
        nets[1].decode_head.bias.fill_(math.nan)
    assert worst_difference(*nets, example_input()) == math.inf


def test_branch_by_branch_ends(nets):
    with branch_by_branch(nets[0]):
        assert 'forward' in vars(nets[0].backbone[0])
    assert 'forward' not in vars(nets[0].backbone[0])


def test_relative_difference():
    a = torch.tensor([1.0, -4.0])
    assert relative_difference(a, a + 0.4) == pytest.approx(0.1)


def test_example_input(tmp_path):
    assert example_input().equal(example_input())
    path = str(tmp_path / 'image.png')
    cv2.imwrite(path, np.random.default_rng(0).integers(
        0, 255, (700, 1000, 3), dtype=np.uint8))  # yapf: disable
    x = example_input(path)
    assert max(x.shape) == 512 and all(n % 32 == 0 for n in x.shape[2:])
    assert abs(x.mean()) < 1e-3
    (tmp_path / 'broken.png').write_text('text')
    for wrong in ('missing.png', 'broken.png'):
        with pytest.raises(UserError, match=wrong):
            example_input(str(tmp_path / wrong))


def test_a_net_that_takes_no_image_is_told():

    class Points(Net):

        def extract_feat(self, inputs):
            return self.backbone(inputs['voxels'])

    net = Points().eval()
    with pytest.raises(UserError) as told:
        worst_difference(net, mmrep.fuse(net), example_input())
    message = str(told.value)
    assert message.startswith('a Points does not run on an image of shape '
                              '(1, 3, 128, 160)')
    assert '`mmrep.fuse(model)`' in message and '\n' not in message
