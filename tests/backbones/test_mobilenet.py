"""MobileNetV1: the paper's table, its blocks, freezing, the fused net."""
import re

import pytest
import torch
from mmengine.registry import MODELS
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

import mmrep
from mmrep import DBBConv2d, MobileNetV1
from mmrep.testing import randomize_norms

SMALL = dict(widen_factor=1 / 8)
DBB = dict(type='DBBConv2d')
# (depthwise stride, output channels) of each block in table 1 of the paper
TABLE = [(1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512), (1, 512),
         (1, 512), (1, 512), (1, 512), (1, 512), (2, 1024), (1, 1024)]


def blocks(net):
    return [block for stage in net.stages for block in stage]


def norms(module):
    return [m for m in module.modules() if isinstance(m, _BatchNorm)]


def test_the_papers_table_1():
    net = MODELS.build(dict(type='MobileNetV1'))
    found = [(b.depthwise.conv.stride[0], b.pointwise.conv.out_channels)
             for b in blocks(net)]
    assert found == TABLE
    assert all(b.depthwise.conv.groups == b.pointwise.conv.in_channels
               for b in blocks(net))
    # 4.2 M of the paper's table 8, with the classifier and without norms
    convs = sum(p.numel() for p in net.parameters() if p.dim() == 4)
    assert round((convs + 1024 * 1000) / 1e6, 1) == 4.2


def test_a_level_for_each_size_of_the_image():
    net = MobileNetV1(**SMALL, out_indices=(1, 2, 3, 4)).eval()
    shapes = [tuple(out.shape[1:]) for out in net(torch.randn(1, 3, 64, 96))]
    assert shapes == [(16, 16, 24), (32, 8, 12), (64, 4, 6), (128, 2, 3)]
    assert net.feat_dim == 128


def test_dilated_for_a_segmentor():
    net = MobileNetV1(
        **SMALL, strides=(1, 2, 2, 1, 1), dilations=(1, 1, 1, 2, 4)).eval()
    outs = net(torch.randn(1, 3, 64, 96))
    assert [out.shape[2] for out in outs] == [32, 16, 8, 8, 8]
    assert blocks(net)[-1].depthwise.conv.dilation == (4, 4)


def test_spatial_convolutions_are_blocks_and_fuse_to_the_plain_net():
    torch.manual_seed(0)
    rich = MobileNetV1(conv_cfg=DBB, **SMALL)
    assert sum(isinstance(m, DBBConv2d) for m in rich.modules()) == 14
    assert all(type(b.pointwise.conv) is nn.Conv2d for b in blocks(rich))
    randomize_norms(rich.double()).eval()
    plain = MobileNetV1(**SMALL).double().eval()
    fused = mmrep.fuse(rich)
    plain.load_state_dict(fused.state_dict())
    x = torch.randn(2, 3, 40, 56).double()
    with torch.no_grad():
        for a, b in zip(rich(x), plain(x), strict=True):
            assert (a - b).norm() < 1e-10 * a.norm()


def test_plain_weights_load_into_blocks():
    torch.manual_seed(0)
    plain = randomize_norms(MobileNetV1(**SMALL).double()).eval()
    rich = MobileNetV1(conv_cfg=DBB, **SMALL).double().eval()
    assert not rich.load_state_dict(plain.state_dict()).missing_keys
    x = torch.randn(2, 3, 40, 56).double()
    with torch.no_grad():
        for a, b in zip(plain(x), rich(x), strict=True):
            assert (a - b).norm() < 1e-4 * a.norm()


@pytest.mark.parametrize('frozen', [-1, 0, 3])
def test_frozen_stages(frozen):
    net = MobileNetV1(frozen_stages=frozen, conv_cfg=DBB, **SMALL).train()
    for stage, module in enumerate([net.conv1, *net.stages]):
        fixed = stage <= frozen
        assert all(p.requires_grad != fixed for p in module.parameters())
        assert all(norm.training != fixed for norm in norms(module))


def test_norm_eval():
    net = MobileNetV1(norm_eval=True, conv_cfg=DBB, **SMALL).train()
    assert norms(net) and not any(norm.training for norm in norms(net))


def test_checkpointed_activations_change_nothing():
    torch.manual_seed(0)
    nets = [MobileNetV1(with_cp=cp, **SMALL).double() for cp in (False, True)]
    nets[1].load_state_dict(nets[0].state_dict())
    x = torch.randn(2, 3, 64, 64).double().requires_grad_()
    for net in nets:
        net.train()(x)[-1].pow(2).mean().backward()
    for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)


def test_no_init_cfg_is_pytorchs_own():
    """Weights are uniform with the bounds of a linear layer, not normal."""
    net = MobileNetV1(init_cfg=[])
    before = net.layer5[1].pointwise.conv.weight.detach().clone()
    net.init_weights()
    assert torch.equal(net.layer5[1].pointwise.conv.weight, before)
    assert before.abs().max() <= 1 / 32  # 1 / sqrt(1024)
    MobileNetV1().init_weights()


@pytest.mark.parametrize('options', [
    dict(widen_factor=0),
    dict(widen_factor='1'),
    dict(strides=(1, 2)),
    dict(dilations=(1, 1, 1, 1, 0)),
    dict(out_indices=(5, )),
    dict(frozen_stages=6),
    dict(conv_cfg=dict(type='Nope')),
    dict(norm_cfg=None),
    dict(norm_behind='no'),
    dict(norm_eval=1),
    dict(with_cp='no'),
], ids=str)  # yapf: disable
def test_odd_arguments(options):
    (name, value), = options.items()
    message = re.escape(f'`{name}` (={value!r}) must ')
    with pytest.raises(mmrep.UserError, match=message):
        MobileNetV1(**options)
