"""mmpretrain's own RepVGG, trained and deployed, against ours."""
import pytest
import torch
from mmpretrain.models import ImageClassifier
from mmpretrain.models.backbones import RepVGG

from mmrep import RepVGGBackbone
from mmrep.checkpoints import convert
from mmrep.deploy import relative_difference
from mmrep.errors import UserError
from mmrep.testing import randomize_norms

ARCH = dict(num_blocks=[1, 2, 2, 1], width_factor=[1, 1, 1, 2.5])
PLAIN = dict(type='Conv2d')


def classifier(with_se):
    se_cfg = dict(ratio=16, divisor=1) if with_se else None
    arch = dict(ARCH, group_layer_map={2: 2, 4: 2, 6: 2}, se_cfg=se_cfg)
    torch.manual_seed(0)
    model = ImageClassifier(
        RepVGG(arch, base_channels=16, out_indices=(0, 1, 2, 3)),
        neck=dict(type='mmpretrain.GlobalAveragePooling'),
        head=dict(
            type='mmpretrain.LinearClsHead', num_classes=5, in_channels=320))
    return randomize_norms(model).eval()


@pytest.mark.parametrize('with_se', [False, True])
@pytest.mark.parametrize('deploy', [False, True])
@torch.no_grad()
def test_features_and_logits(deploy, with_se):
    stock = classifier(with_se)
    x = torch.randn(1, 3, 64, 64)
    expected, logits = stock.backbone(x), stock(x)
    if deploy:
        stock.backbone.switch_to_deploy()
    checkpoint = dict(meta=dict(epoch=1), state_dict=stock.state_dict())
    backbone = RepVGGBackbone(
        dict(ARCH, groups=2, with_se=with_se),
        base_channels=16,
        conv_cfg=PLAIN if deploy else None)
    backbone.load_state_dict(convert(checkpoint))
    for a, b in zip(expected, backbone.eval()(x), strict=True):
        assert relative_difference(a, b) < 1e-5
    stock.backbone = RepVGGBackbone(
        dict(ARCH, groups=2, with_se=with_se), base_channels=16)
    stock.load_state_dict(convert(checkpoint, target='classifier'))
    assert relative_difference(logits, stock.eval()(x)) < 1e-5


def official_name(name):
    """Return DingXiaoH/RepVGG's name of a weight of mmpretrain's RepVGG."""
    for ours, theirs in (('backbone.', ''), ('stem.', 'stage0.'),
                         ('stage_', 'stage'), ('branch_3x3', 'rbr_dense'),
                         ('branch_1x1', 'rbr_1x1'), ('branch_norm',
                                                     'rbr_identity'),
                         ('.norm.', '.bn.'), ('branch_reparam', 'rbr_reparam'),
                         ('se_layer.conv1.conv',
                          'se.down'), ('se_layer.conv2.conv',
                                       'se.up'), ('head.fc', 'linear')):
        name = name.replace(ours, theirs)
    return name


@pytest.mark.parametrize('deploy', [False, True])
def test_official_repvgg_and_mmpretrains_become_the_same(deploy):
    """The net has squeeze and excitation everywhere, like RepVGG-D2se."""
    stock = classifier(with_se=True)
    if deploy:
        stock.backbone.switch_to_deploy()
    state_dict = stock.state_dict()
    official = {official_name(k): v for k, v in state_dict.items()}
    assert not official.keys() & state_dict.keys()
    a = convert(state_dict, target='classifier')
    b = convert(official, target='classifier')
    assert a.keys() == b.keys() and all(a[k] is b[k] for k in a)
    squeeze = {k for k in state_dict if 'se_layer' in k}
    assert len(squeeze) == 4 * 7 and squeeze == {k for k in a if 'se_' in k}


def test_what_yolox_adds_is_left_over():
    with pytest.raises(UserError, match="'ppf.conv1.conv.weight' is no name"):
        convert({
            'stem.branch_reparam.weight': torch.ones(1),
            'ppf.conv1.conv.weight': torch.ones(1)
        })
