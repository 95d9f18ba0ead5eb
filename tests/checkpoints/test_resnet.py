"""Norms behind the convolutions of a ResNet."""
import pytest
import torch
from torch import nn

from mmrep.checkpoints.resnet import norm_behind, put_norms_behind


@pytest.mark.parametrize('conv, norm', [
    ('conv1.', 'bn1.'),
    ('layer2.0.conv3.', 'layer2.0.bn3.'),
    ('layer10.11.downsample.0.', 'layer10.11.downsample.1.'),
    ('layer1.0.conv1.kxk.', None),
    ('layer1.0.bn1.', None),
    ('', None),
])
def test_norm_behind(conv, norm):
    assert norm_behind(conv) == norm


def net(bias):
    torch.manual_seed(0)
    out = nn.Module()
    out.conv1 = nn.Conv2d(3, 4, 3, bias=bias)
    out.bn1 = nn.BatchNorm2d(4)
    nn.init.uniform_(out.bn1.running_mean)
    return out


@pytest.mark.parametrize('training', [False, True])
def test_a_bias_goes_into_the_norm(training):
    biased, plain = net(True), net(False)
    before = {k: v.clone() for k, v in biased.state_dict().items()}
    plain.load_state_dict(put_norms_behind(biased.state_dict()))
    x = torch.randn(2, 3, 8, 8)
    a, b = [n.train(training).bn1(n.conv1(x)) for n in (biased, plain)]
    torch.testing.assert_close(a, b)
    if training:  # the statistics move alike
        torch.testing.assert_close(
            put_norms_behind(biased.state_dict())['bn1.running_mean'],
            plain.bn1.running_mean)
    else:
        assert all(v.equal(before[k]) for k, v in biased.state_dict().items())


@pytest.mark.parametrize('name', ['conv1', 'layer1.0.downsample.0'])
def test_a_bias_without_a_norm_gets_one(name):
    conv = nn.Conv2d(3, 4, 3)
    norm = nn.BatchNorm2d(4).eval()
    nn.init.normal_(norm.weight)
    out = put_norms_behind({
        f'{name}.{k}': v
        for k, v in conv.state_dict().items()
    })
    assert out.pop(f'{name}.weight') is not None
    assert len({k.rpartition('.')[0] for k in out}) == 1
    norm.load_state_dict({k.rpartition('.')[2]: v for k, v in out.items()})
    x = torch.randn(2, 3, 8, 8)
    expected = conv(x)
    conv.bias = None
    torch.testing.assert_close(norm(conv(x)), expected, rtol=1e-6, atol=1e-6)


def test_a_bias_inside_stays_inside():
    ones = torch.ones(2)
    out = put_norms_behind({
        'layer1.0.conv1.bias': ones,
        'layer1.0.conv1.norm.running_mean': 3 * ones,
        'layer1.0.conv1.kxk.bias': ones,
        'layer1.0.conv1.kxk.norm.running_mean': 5 * ones,
        'layer1.0.bn1.running_mean': 7 * ones,
    })
    assert {
        k: v[0].item()
        for k, v in out.items()
    } == {
        'layer1.0.conv1.norm.running_mean': 2,
        'layer1.0.conv1.kxk.norm.running_mean': 4,
        'layer1.0.bn1.running_mean': 7
    }


def test_a_bias_of_a_single_block_stays():
    state_dict = {'weight': torch.ones(1), 'bias': torch.ones(1)}
    assert put_norms_behind(state_dict) == state_dict
