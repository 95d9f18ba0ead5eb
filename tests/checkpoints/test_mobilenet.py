"""Official MobileNets: plain, of DBB, of ACB and deployed."""
import pytest
import torch

from mmrep import DBBConv2d, MobileNetV1
from mmrep.checkpoints import convert
from mmrep.checkpoints.complete import check_complete
from mmrep.errors import UserError
from mmrep.testing import randomize_norms

from .official import ACB, MobileNet, conv_norm, deployed, difference

ACB_CFG, DBB_CFG = dict(type='ACBConv2d'), dict(type='DBBConv2d')
WIDTH = 4
# makers of spatial and of 1x1 convolutions, and our block
KINDS = {
    'plain': (conv_norm, conv_norm, None),
    'acb': (ACB, conv_norm, ACB_CFG),
    'deployed': (deployed('conv'), deployed('conv'), None),
    'deployed_dbb': (deployed('dbb_reparam'), deployed('conv'), None),
    'deployed_acb': (deployed('fused_conv'), deployed('conv'), None),
    'deployed_in_blocks': (deployed('conv'), deployed('conv'), DBB_CFG),
}
DEPTHWISE = 'stem.0.depthwise.'


def ours(conv_cfg, norm_behind=None):
    if norm_behind is None:
        norm_behind = conv_cfg is None
    return MobileNetV1(
        widen_factor=WIDTH / 32, conv_cfg=conv_cfg,
        norm_behind=norm_behind).double()


def official(kind):
    torch.manual_seed(0)
    return randomize_norms(MobileNet(*KINDS[kind][:2], WIDTH).double())


@pytest.mark.parametrize('kind', KINDS)
def test_features(kind):
    net, theirs = ours(KINDS[kind][2]), official(kind)
    weights = convert(theirs.state_dict())
    check_complete(weights)
    net.load_state_dict(weights)
    x = torch.randn(2, 3, 64, 64, dtype=torch.double)
    for training in (False, ) if 'deployed' in kind else (False, True):
        assert difference(theirs, net, x, training) < 1e-10


def test_with_norms_behind():
    net, theirs = ours(ACB_CFG, norm_behind=True), official('acb')
    net.load_state_dict(convert(theirs.state_dict(), norm_behind=True))
    x = torch.randn(2, 3, 64, 64, dtype=torch.double)
    assert difference(theirs, net, x, False) < 1e-10


def test_dbb_blocks(goldens):
    """An official depthwise block is converted at its place in the net."""
    block = torch.load(
        goldens / 'dbb_3x3_depthwise.pt', weights_only=True)['state_dict']
    weights = convert({f'{DEPTHWISE}{k}': v for k, v in block.items()})
    channels = len(weights['layer1.0.depthwise.conv.weight'])
    layer = DBBConv2d(
        channels, channels, 3, padding=1, groups=channels, bias=False)
    prefix = 'layer1.0.depthwise.conv.'
    assert all(name.startswith(prefix) for name in weights)
    layer.load_state_dict({k[len(prefix):]: v for k, v in weights.items()})
    # twice as wide between the factors, as in the official MobileNet
    assert len(layer.branches['1x1_kxk'].first) == 2 * channels


@pytest.mark.parametrize('name', [
    'layer5.1.pointwise.conv.weight', 'layer1.0.depthwise.bn.weight',
    'layer3.1.pointwise.bn.bias', 'conv1.conv.weight', 'conv1.bn.running_var'
])
def test_a_weight_that_is_missing(name):
    weights = convert(official('plain').state_dict())
    del weights[name]
    with pytest.raises(UserError, match=f'missing, .*{name!r}'):
        check_complete(weights)


def test_a_norm_that_a_block_lost():
    """A missing norm is seen in nets with and without norms behind."""
    weights = official('acb').state_dict()
    inside, behind = convert(weights), convert(weights, norm_behind=True)
    check_complete(inside)
    check_complete(behind)
    for weights, name in ((inside, 'conv.norm.weight'), (behind, 'bn.weight')):
        del weights[f'layer1.0.depthwise.{name}']
        with pytest.raises(UserError, match='damaged'):
            check_complete(weights)


def test_a_name_that_no_table_explains():
    for name in ('stem.13.depthwise.conv.weight', f'{DEPTHWISE}dbb.weight'):
        with pytest.raises(
                UserError,
                match=f'{name!r} is no name of an '
                'official MobileNet'):
            convert({
                f'{DEPTHWISE}conv.weight': torch.ones(4, 1, 3, 3),
                name: torch.ones(4, 1, 3, 3)
            })
