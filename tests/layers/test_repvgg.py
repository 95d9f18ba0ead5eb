"""RepVGG blocks agree with an independent formula."""
import pytest
import torch
from torch import nn

from mmrep import OREPAConv2d, OREPAVGGConv2d, QARepVGGConv2d, RepVGGConv2d
from mmrep.deploy import relative_difference
from mmrep.testing import randomize_norms


def reference(layer, x):
    """Compute the paper's block, whose padding fits strides of 1 and 2."""

    def conv(weight, padding):
        return nn.functional.conv2d(x, weight, None, layer.stride, padding,
                                    layer.dilation, layer.groups)

    out = layer.norm(conv(layer.weight, layer.padding))
    out = out + layer.branches['1x1'].norm(
        conv(layer.branches['1x1'].weight, 0))
    if 'identity' in layer.branches:
        out = out + layer.branches['identity'].norm(x)
    return out


@pytest.mark.parametrize('mode', ['train', 'eval'])
@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('groups', [1, 2, 8])
@pytest.mark.parametrize('size, dilation', [(3, 1), (3, 2), (3, 4), (5, 2)])
def test_is_the_papers_block(mode, stride, groups, size, dilation):
    torch.manual_seed(0)
    layer = RepVGGConv2d(
        8,
        8,
        size,
        stride,
        padding=size // 2 * dilation,
        dilation=dilation,
        groups=groups,
        bias=False,
        dtype=torch.float64)
    assert ('identity' in layer.branches) == (stride == 1)
    randomize_norms(layer).train(mode == 'train')
    x = torch.randn(2, 8, 17, 18, dtype=torch.float64)
    assert relative_difference(reference(layer, x), layer(x)) < 1e-10


def test_no_identity_where_channels_differ():
    assert 'identity' not in RepVGGConv2d(8, 16, 3).branches
    assert '1x1' not in RepVGGConv2d(8, 8, 1).branches


def test_a_plain_bias_goes_into_the_norm_where_the_layer_has_none():
    conv = nn.Conv2d(8, 8, 3, padding=1)
    layer = randomize_norms(RepVGGConv2d(8, 8, 3, padding=1, bias=False))
    layer.load_state_dict(conv.state_dict())
    x = torch.randn(2, 8, 9, 9)
    assert relative_difference(conv(x), layer.eval()(x)) < 1e-5


def test_some_norms_in_eval_some_in_train():
    layer = randomize_norms(RepVGGConv2d(8, 8, 3, padding=1)).train()
    layer.norm.eval()
    before = layer.branches['1x1'].norm.running_mean.clone()
    mean = layer.norm.running_mean.clone()
    layer(torch.randn(2, 8, 9, 9))
    assert not layer.branches['1x1'].norm.running_mean.equal(before)
    assert layer.norm.running_mean.equal(mean)


def test_frozen_norms_train_as_one_convolution(monkeypatch):
    torch.manual_seed(0)
    layer = RepVGGConv2d(8, 8, 3, padding=1, dtype=torch.float64)
    randomize_norms(layer).eval()
    x = torch.randn(2, 8, 9, 9, dtype=torch.float64)
    layer.forward_branches(x).pow(2).sum().backward()
    expected = [p.grad.clone() for p in layer.parameters()]
    layer.zero_grad()

    def never(x):
        raise AssertionError('ran branch by branch')

    monkeypatch.setattr(layer, 'forward_branches', never)
    layer(x).pow(2).sum().backward()
    for parameter, gradient in zip(layer.parameters(), expected):
        assert relative_difference(gradient, parameter.grad) < 1e-10


@pytest.mark.parametrize('norm_cfg', [
    dict(type='GN', num_groups=2),
    dict(type='BN', affine=False),
    dict(type='BN', track_running_stats=False),
])
def test_norms_that_cannot_be_folded(norm_cfg):
    with pytest.raises(TypeError, match='must be a batch norm'):
        RepVGGConv2d(8, 8, 3, norm_cfg=norm_cfg)


def test_sync_norm():
    layer = RepVGGConv2d(8, 8, 3, norm_cfg=dict(type='SyncBN'))
    assert isinstance(layer.norm, nn.SyncBatchNorm)
    randomize_norms(layer).eval()
    x = torch.randn(2, 8, 9, 9)
    assert relative_difference(layer.forward_branches(x),
                               layer.fuse()(x)) < 1e-5


def filled(cls, **kwargs):
    torch.manual_seed(0)
    layer = cls(8, 8, 3, padding=1, bias=False, dtype=torch.float64, **kwargs)
    return randomize_norms(layer)


def parts(layer, x):
    """Return the three summands without norms."""
    pointwise = layer.branches['1x1'].weight
    return (nn.functional.conv2d(x, layer.weight, padding=1),
            nn.functional.conv2d(x, pointwise), x)


@pytest.mark.parametrize('train', [True, False])
def test_quantization_friendly_form(train):
    layer = filled(QARepVGGConv2d).train(train)
    twin = filled(QARepVGGConv2d).train(train)
    x = torch.randn(2, 8, 9, 9, dtype=torch.float64)
    kxk, pointwise, identity = parts(twin, x)
    expected = twin.sum_norm(twin.norm(kxk) + pointwise + identity)
    assert relative_difference(expected, layer(x)) < 1e-10


@pytest.mark.parametrize('train', [True, False])
def test_post_addition_norm(train):
    layer = filled(RepVGGConv2d, norms='sum').train(train)
    twin = filled(RepVGGConv2d, norms='sum').train(train)
    x = torch.randn(2, 8, 9, 9, dtype=torch.float64)
    expected = twin.sum_norm(sum(parts(twin, x)))
    assert relative_difference(expected, layer(x)) < 1e-10
    assert len(layer.norms_inside()) == 1


def test_ablations_of_branches():
    assert list(RepVGGConv2d(8, 8, 3, branches='1x1').branches) == ['1x1']
    assert list(RepVGGConv2d(8, 8, 3,
                             branches='identity').branches) == ['identity']


@pytest.mark.parametrize('size, branches', [
    (1, ['origin', 'product']),
    (3, ['origin', 'average', 'prior', '1x1_kxk', 'separable']),
    (7, ['stem']),
])
def test_orepa_in_place_of_the_kxk(size, branches):
    layer = OREPAVGGConv2d(8, 8, size, padding=size // 2)
    assert layer.kxk.options()['branches'] == branches
    assert layer.weight is None and layer.origin is layer.kxk.weight


@pytest.mark.parametrize('groups, inner', [(1, 16), (8, 16), (16, 32)])
def test_inner_channels_of_orepa_vgg(groups, inner):
    """Only depthwise blocks double them, unlike OREPA by itself."""
    layer = OREPAVGGConv2d(16, 16, 3, padding=1, groups=groups, bias=False)
    assert len(layer.kxk.branches['1x1_kxk'].first) == inner
    wide = OREPAVGGConv2d(16, 16, 3, padding=1, groups=8, bias=False)
    assert wide.config()['kxk']['internal_channels'] == 16


def test_weights_by_the_rule_of_orepa_still_load():
    """Earlier versions doubled the inner channels from 5 groups on."""
    kxk = dict(OREPAVGGConv2d(16, 16, 3).config()['kxk'])
    old = OREPAVGGConv2d(16, 16, 3, groups=8, kxk=kxk)
    assert len(old.kxk.branches['1x1_kxk'].first) == 32
    layer = OREPAVGGConv2d(16, 16, 3, groups=8)
    randomize_norms(old).eval()
    with pytest.warns(UserWarning, match='taken over the branches'):
        layer.eval().load_state_dict(old.state_dict())
    x = torch.randn(2, 16, 7, 7)
    assert relative_difference(old(x), layer(x)) < 1e-6
    assert layer.config() == old.config()


def test_initial_weights_of_orepa_vgg():
    """Variances are 1 / fan-in: the official Kaiming's rule with a=1."""
    torch.manual_seed(0)
    layer = OREPAVGGConv2d(64, 64, 3, padding=1, bias=False)
    fan_in = {
        'weight': 576,
        'branches.average.weight': 64,
        'branches.prior.weight': 64,
        'branches.1x1_kxk.second': 576,
        'branches.separable.depthwise': 9,
        'branches.separable.pointwise': 512
    }
    parameters = dict(layer.kxk.named_parameters())
    assert {*parameters} == {*fan_in, 'scale', 'branches.1x1_kxk.first'}
    assert not parameters['branches.1x1_kxk.first'].any()
    for name, fan in fan_in.items():
        assert parameters[name].std().item() == pytest.approx(
            fan**-.5, rel=.03), name
    # scales: 1/4 origin, 1/4 average over 9, 1/2 1x1_kxk, 1/2 separable
    expected = (1 / 16 / 576 + 1 / 16 / 64 / 81 + 1 / 4 / 576 +
                8 / 4 / 9 / 512)**.5
    with torch.no_grad():
        found = layer.kxk.kernel().weight.std().item()
    assert found == pytest.approx(expected, rel=.03)


@pytest.mark.parametrize('size', [1, 7])
def test_other_sizes_start_as_orepa_by_itself(size):
    layer = OREPAVGGConv2d(8, 8, size, padding=size // 2)
    torch.manual_seed(0)
    layer.reset_parameters()
    kxk = OREPAConv2d(8, 8, size, padding=size // 2, bias=False)
    torch.manual_seed(0)
    for branch in layer.branches.values():
        branch.reset_parameters()
    kxk.reset_parameters()
    assert torch.equal(kxk.kernel().weight, layer.kxk.kernel().weight)
