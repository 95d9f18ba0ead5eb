"""The features and the cost of a model."""
import pytest
import torch
from torch import nn

from mmrep.dyrep.look import change, look

from .nets import conv3x3, data_of, grow, net_of


def state(net):
    return {
        k: v.clone()
        for k, v in net.state_dict().items()
    }, [m.training for m in net.modules()], torch.get_rng_state()


@pytest.mark.parametrize('norms_train', [True, False])
def test_features_in_both_modes(norms_train):
    net = net_of(conv3x3())
    data = data_of(net)
    if not norms_train:
        net.norm.eval()
        net.pre_norm.eval()
    before = state(net)
    seen = look(net, data.batches[0], data.features)
    after = state(net)
    assert before[1] == after[1] and torch.equal(before[2], after[2])
    assert all(torch.equal(before[0][k], v) for k, v in after[0].items())
    with torch.no_grad():
        trained = net(data.batches[0])
        net.load_state_dict(before[0])
        assert torch.equal(seen.trained[0], trained)
        assert torch.equal(seen.frozen[0], net.eval()(data.batches[0]))
    assert torch.equal(seen.frozen[0], seen.trained[0]) != norms_train


def test_only_norms_are_in_eval_mode():
    """Dropout of a head stays active and draws the same numbers."""
    net = nn.Sequential(nn.Dropout(0.5))
    seen = look(net, torch.ones(4, 8), net)
    assert (seen.frozen[0] == 0).any()
    assert torch.equal(seen.frozen[0], seen.trained[0])


@pytest.mark.parametrize('wrap', [
    lambda a, b:
    (a, b), lambda a, b: [a, [b]], lambda a, b: dict(x=a, y=b), lambda a, b:
    (a, dict(y=(b, )), None)
])
def test_all_tensors_are_taken(wrap):
    net = nn.Identity()
    x, y = torch.ones(2, 3), torch.zeros(2, 1)
    seen = look(net, None, lambda _: wrap(x, y))
    assert [t.shape for t in seen.frozen] == [x.shape, y.shape]


def test_half_precision_is_compared_in_single():
    net = nn.Identity()
    seen = look(net, torch.ones(2).half(), net)
    assert seen.frozen[0].dtype == torch.float


@pytest.mark.parametrize('options', [
    dict(),
    dict(stride=2),
    dict(groups=4),
    dict(dilation=2, padding=2),
    dict(bias=True)
])
def test_multiply_adds_of_an_image(options):
    conv = conv3x3(**options)
    x = torch.randn(4, 8, 12, 12)
    seen = look(conv, x, conv)
    height, width = conv(x).shape[2:]
    assert seen.flops == height * width * 8 * 8 * 9 / conv.groups
    assert seen.parameters == sum(p.numel() for p in conv.parameters())


def test_an_evolved_net_costs_more():
    net = net_of(conv3x3())
    data = data_of(net)
    before = look(net, data.batches[0], data.features)
    grow(net, data, ())
    after = look(net, data.batches[0], data.features)
    assert after.flops > 2 * before.flops
    assert after.parameters > 2 * before.parameters
    net.eval()  # the block runs as one convolution
    frozen = look(net, data.batches[0], data.features)
    assert frozen.flops < 1.5 * before.flops


def test_change():
    a = [torch.tensor([1., -4.]), torch.tensor([10., 0.])]
    b = [torch.tensor([1.5, -4.]), torch.tensor([10., 0.])]
    assert change(a, b) == pytest.approx(0.5 / 4)
    assert change(b, b) == 0
    assert change([torch.zeros(2)], [torch.zeros(2)]) == 0
