"""A watch sees where biases go as a net runs, whatever its modules are."""
import pytest
import torch
from mmcv.cnn import ConvModule
from torch import nn
from torch.nn import functional as F

import mmrep
from mmrep.deploy import relative_difference
from mmrep.testing import randomize_norms

from .biased import Net, bias_of, block, directly, fused_of


@pytest.fixture(autouse=True)
def blind(monkeypatch):
    """Leave out the comparison that finds what no watch sees."""
    monkeypatch.setattr('mmrep.fusing.absorb.same_results', lambda *_: True)


def stats(bn):
    return bn.running_mean, bn.running_var


def kept_as_attribute(net, x):
    net.seen = net.conv(x)
    return net.bn(net.seen)


def kept_in_a_list(net, x):
    return net.bn([net.conv(x)][0])


def scattered(net, x):
    y = net.conv(x)
    return net.bn(y) + y.clone()


def functional(net, x):
    return F.batch_norm(net.conv(x), *stats(net.bn), net.bn.weight)


def by_hand(net, x):
    mean, var = stats(net.bn)
    return net.bn(net.conv(x)) + mean[:, None, None]


def checks_its_shape(net, x):
    y = net.conv(x)
    assert y.dim() == 4 and y.shape[1] == 4 and len(y) == x.size(0)
    return net.bn(y)


MOVES = dict(
    directly=directly,
    in_a_sequential=lambda net, x: net.bn(net.alone(x)),
    in_another_order=lambda net, x: net.bn2(net.conv(net.bn(x))),
    twice_with_one_norm=lambda net, x: net.bn(net.conv(net.bn(net.conv(x)))),
    with_a_norm_each=lambda net, x: net.bn2(net.conv(net.bn(net.conv(x)))),
    two_norms_of_one_output=lambda net, x: (lambda y: net.bn(y) + net.bn2(y))
    (net.conv(x)),
    functional=functional,
    shape=checks_its_shape,
    list=kept_in_a_list,
    residual_behind=lambda net, x: net.act(net.bn(net.conv(x)) + x))

STAYS = dict(
    activation=lambda net, x: net.bn(net.conv(x).relu()),
    in_place_activation=lambda net, x: net.bn(net.act(net.conv(x))),
    in_place_addition=lambda net, x: net.bn(net.conv(x).add_(x)),
    norm_first=lambda net, x: net.conv(net.bn(x)),
    none=lambda net, x: net.conv(x),
    once_bare=lambda net, x: net.bn(net.conv(x)) + net.conv(-x),
    once_bare_by_another_name=lambda net, x: net.bn(net.conv(x)) + net.alone(-x
                                                                             ),
    residual=scattered,
    returned=lambda net, x: (lambda y: (net.bn(y), y))(net.conv(x)),
    cat=lambda net, x: net.bn2(torch.cat([net.conv(x), x])),
    a_view=lambda net, x: net.bn(net.conv(x)[..., 1:]),
    norm_of_another=lambda net, x: net.bn(net.other(x)) + net.conv(x),
    norm_shared=lambda net, x: net.bn(net.conv(x)) + net.bn(net.other(x)),
    norm_shared_with_the_input=lambda net, x: net.bn(net.conv(net.bn(x))),
    batch_statistics=lambda net, x: F.batch_norm(
        net.conv(x), None, None, training=True),
    statistics_read=by_hand,
    an_attribute=kept_as_attribute,
    numpy=lambda net, x: net.bn((lambda y: y + float(y.numpy().mean()))
                                (net.conv(x))),
    item=lambda net, x: (lambda y: net.bn(y) * y[0, 0, 0, 0].item())
    (net.conv(x)))


@pytest.mark.parametrize('use', MOVES.values(), ids=MOVES)
def test_moves(use):
    net = Net(use)
    fused = fused_of(net)
    assert fused.conv.bias is None


@pytest.mark.parametrize('use', STAYS.values(), ids=STAYS)
def test_stays(use):
    net = Net(use)
    fused = fused_of(net)
    assert relative_difference(bias_of(net.conv), fused.conv.bias) < 1e-12


def test_the_mean_takes_the_bias():
    net = Net(directly)
    net.bn2 = nn.BatchNorm2d(3)  # no norm that might take these outputs
    fused = fused_of(net)
    mean = net.bn.running_mean - bias_of(net.conv)
    assert relative_difference(mean, fused.bn.running_mean) < 1e-12
    assert fused.bn2.running_mean.equal(net.bn2.running_mean)


@pytest.mark.parametrize('norm, moves', [
    (nn.SyncBatchNorm, True),
    (lambda n: nn.BatchNorm2d(n, affine=False), True),
    (lambda n: nn.GroupNorm(2, n), False),
    (nn.InstanceNorm2d, False),
    (lambda n: nn.InstanceNorm2d(n, track_running_stats=True), False),
    (lambda n: nn.BatchNorm2d(n, track_running_stats=False), False),
])
def test_kinds_of_norms(norm, moves):
    fused = fused_of(Net(directly, norm))
    assert (fused.conv.bias is None) == moves


def test_an_own_bias_stays():
    fused = fused_of(Net(directly, bias=True))
    assert fused.conv.bias is not None


@pytest.mark.parametrize('part', ['', 'bn'])
def test_modes(part):
    """In training mode a norm subtracts the mean of its inputs."""
    net = randomize_norms(Net(directly).double()).eval()
    net.get_submodule(part).train()
    fused = mmrep.fuse(net)
    assert [m.training for m in (fused, fused.bn, fused.conv)
            ] == [m.training for m in (net, net.bn, net.conv)]
    assert fused.conv.bias is None
    net.conv.eval()
    x = torch.randn(2, 4, 9, 9).double()
    for _ in range(2):  # of training, then of eval with what was learned
        assert relative_difference(net(x), fused(x)) < 1e-12
        net.eval(), fused.eval()


ORDERS = [(('conv', 'norm', 'act'), True), (('conv', 'act', 'norm'), False),
          (('norm', 'conv', 'act'), False), (('act', 'conv', 'norm'), True)]


@pytest.mark.parametrize('order, moves', ORDERS)
def test_conv_module(order, moves):
    module = ConvModule(
        4,
        4,
        3,
        padding=1,
        conv_cfg=dict(type='DBBConv2d'),
        norm_cfg=dict(type='BN'),
        order=order)
    fused = fused_of(module)
    assert (fused.conv.bias is None) == moves
    stock = ConvModule(
        4, 4, 3, padding=1, norm_cfg=dict(type='BN'), order=order)
    if moves:
        stock.load_state_dict(fused.state_dict())


def test_a_norm_that_is_computed_into_the_weight():
    """mmcv does this; the biases go as those of any ConvModule."""
    module = ConvModule(
        4,
        4,
        3,
        conv_cfg=dict(type='RepVGGConv2d'),
        norm_cfg=dict(type='BN'),
        efficient_conv_bn_eval=True)
    randomize_norms(module.double()).eval()
    x = torch.randn(2, 4, 9, 9).double()
    expected = module.activate(module.norm(module.conv(x)))
    fused = mmrep.fuse(module)
    assert fused.conv.bias is None
    assert relative_difference(expected, fused(x)) < 1e-12


class Levels(nn.Module):
    """A head whose levels share convolutions, but not norms."""

    def __init__(self):
        super().__init__()
        self.conv = block()
        self.norms = nn.ModuleList(nn.BatchNorm2d(4) for _ in range(3))

    def forward(self, x):
        return [norm(self.conv(x * i)) for i, norm in enumerate(self.norms)]


def test_shared_between_levels():
    net = Levels()
    fused = fused_of(net)
    assert fused.conv.bias is None
    for before, after in zip(net.norms, fused.norms):
        assert relative_difference(before.running_mean - bias_of(net.conv),
                                   after.running_mean) < 1e-12


@pytest.mark.parametrize('hook, moves', [(lambda m, a, y: 2 * y, False),
                                         (lambda m, a, y: None, True)])
def test_hooks_of_a_layer(hook, moves):
    net = Net(directly)
    net.conv.register_forward_hook(hook)
    assert (fused_of(net).conv.bias is None) == moves


def test_a_hook_that_keeps_outputs():
    net, seen = Net(directly), []
    net.bn.register_forward_pre_hook(lambda m, args: seen.append(args))
    assert fused_of(net).conv.bias is not None
