"""Copies of a net run on a given example or on a guess."""
import pytest
import torch
from mmcv.cnn import ConvModule
from torch import nn

import mmrep
from mmrep.errors import UserError
from mmrep.testing import randomize_norms

from .biased import Net, block, directly, fused_of, two_inputs


def test_example():
    x = torch.randn(1, 4, 9, 9).double()
    pair = x, x.cos()
    fused = fused_of(Net(two_inputs), pair, pair)
    assert fused.conv.bias is None
    assert fused_of(Net(two_inputs), pair).conv.bias is not None
    assert fused_of(Net(directly), x, x).conv.bias is None


def test_an_example_stays_as_it_is():
    x = torch.randn(1, 4, 9, 9)
    before = x.clone()
    net = Net(lambda net, x: net.bn(net.conv(net.act(x))))
    assert mmrep.fuse(net, x).conv.bias is None
    assert x.equal(before)


@pytest.mark.parametrize('example, part', [
    ('x', "(='x') must be a tensor"),
    (3, 'must be a tensor'),
    (torch.randn(1, 3, 9, 9), 'does not run on `example`'),
    ((torch.randn(1, 4, 9, 9), 1), 'does not run on `example`'),
])
def test_wrong_examples(example, part):
    with pytest.raises(UserError) as error:
        mmrep.fuse(Net(directly), example)
    assert part in str(error.value) and '\n' not in str(error.value)


class Aside(nn.Module):
    """A net with a part that its forward does not reach."""

    def __init__(self, part):
        super().__init__()
        self.conv, self.part = block(), part

    def forward(self, x):
        return self.conv(x)


@pytest.mark.parametrize('order, moves', [(('conv', 'norm', 'act'), True),
                                          (('conv', 'act', 'norm'), False)])
def test_parts_that_no_run_reaches(order, moves):
    part = ConvModule(
        4,
        4,
        3,
        padding=1,
        conv_cfg=dict(type='RepVGGConv2d'),
        norm_cfg=dict(type='BN'),
        order=order)
    net = Aside(nn.ModuleList([part]))
    assert (fused_of(net).part[0].conv.bias is None) == moves
    for shared in (part.conv, part.norm):
        net.also = shared  # any code may use the shared module there
        assert fused_of(net).part[0].conv.bias is not None


def test_what_stays_as_it_was():
    net = Net(directly).train()
    randomize_norms(net)
    before = {k: v.clone() for k, v in net.state_dict().items()}
    modes = [m.training for m in net.modules()]
    state = torch.get_rng_state()
    mmrep.fuse(net)
    assert torch.get_rng_state().equal(state)
    assert [m.training for m in net.modules()] == modes
    assert all(before[k].equal(v) for k, v in net.state_dict().items())
    assert not any(m._forward_hooks for m in net.modules())


def keeps(net, x):
    net.seen = net.conv(x)
    return net.bn(net.seen)


def test_a_run_leaves_no_trace():
    fused = fused_of(Net(keeps), example=None)
    other = mmrep.fuse(Net(keeps))
    assert hasattr(fused, 'seen') and not hasattr(other, 'seen')


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.half])
def test_half(dtype):
    if dtype == torch.half and torch.__version__.startswith('2.1.'):
        pytest.skip('no convolution in half precision on a CPU there')
    net = randomize_norms(Net(directly)).to(dtype).eval()
    fused = mmrep.fuse(net)
    assert fused.conv.bias is None and fused.bn.running_mean.dtype == dtype


def test_wrapped():
    net = nn.DataParallel(Net(directly))
    assert fused_of(net).module.conv.bias is None


@pytest.mark.parametrize('other', [
    lambda x: x.shape[0] > 1,
    lambda x: max(x.shape[2:]) > 100,
])
def test_a_forward_that_looks_at_shapes(other):

    def use(net, x):
        y = net.conv(x)
        return net.act(y) if other(x) else net.bn(y)

    x = torch.randn(2, 4, 128, 128).double()
    assert fused_of(Net(use), x).conv.bias is not None


def test_a_net_that_takes_one_form_alone():

    def use(net, x):
        assert x.shape == (1, 4, 64, 64)
        return net.bn(net.conv(x))

    x = torch.randn(1, 4, 64, 64).double()
    assert fused_of(Net(use), x).conv.bias is None


def test_scripted_and_traced_children():
    body = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)).eval()
    x = torch.randn(1, 4, 9, 9)
    for child in (torch.jit.script(body), torch.jit.trace(body, x)):
        net = nn.Sequential(block(), nn.BatchNorm2d(4), child).eval()
        fused = mmrep.fuse(net)
        assert fused[0].bias is None
        assert torch.allclose(net(x), fused(x), atol=1e-5)
