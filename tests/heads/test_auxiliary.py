"""Auxiliary classifiers of mmpretrain's ImageClassifier."""
import math

import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import MODELS, init_default_scope
from mmpretrain.structures import DataSample

import mmrep
from mmrep import RepVGGBackbone
from mmrep.errors import UserError
from mmrep.testing import randomize_norms

ARCH = dict(
    num_blocks=(1, 1, 2, 1),
    width_factor=(.125, .125, .125, .125),
    with_post_se=True)
CHANNELS = (8, 16, 32)
LABELS = torch.tensor([2, 0])


def classifier(**head):
    init_default_scope('mmpretrain')
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='ImageClassifier',
            backbone=dict(
                type='RepVGGBackbone',
                arch=ARCH,
                out_indices=(0, 1, 3),
                half_indices=(2, )),
            head=dict(
                type='AuxiliaryClsHead',
                num_classes=3,
                in_channels=64,
                **{
                    'aux_channels': CHANNELS,
                    **head
                })))


def samples(one_hot=False):
    if one_hot:
        return [
            DataSample().set_gt_score(s) for s in F.one_hot(LABELS, 3).float()
        ]
    return [DataSample().set_gt_label(int(label)) for label in LABELS]


def scores(head, maps):
    """What each classifier says of its map, the last one first."""
    found = [F.linear(maps[-1].mean((2, 3)), head.fc.weight, head.fc.bias)]
    for classifier, x in zip(head.auxiliary, maps):
        conv, norm, fc = classifier.conv, classifier.bn, classifier.fc
        x = F.conv2d(x, conv.weight, stride=2, padding=1)
        x = F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight,
                         norm.bias).relu()
        found.append(F.linear(x.mean((2, 3)), fc.weight, fc.bias))
    return found


@pytest.mark.parametrize('one_hot', [False, True])
@pytest.mark.parametrize('weight', [0.1, 0.5])
def test_loss(weight, one_hot):
    """Cross entropy of each, the auxiliary ones weighted; mixup's, too."""
    model = randomize_norms(classifier(aux_loss_weight=weight)).eval()
    x = torch.randn(2, 3, 64, 64)
    maps = model.extract_feat(x)
    assert [m.shape[1:] for m in maps] == [(8, 16, 16), (16, 8, 8), (32, 4, 4),
                                           (64, 2, 2)]
    losses = model(x, samples(one_hot), mode='loss')
    main, *others = [
        F.cross_entropy(s, LABELS) for s in scores(model.head, maps)
    ]
    expected = dict(loss=main)
    expected.update({
        f'loss_aux_{i}': weight * loss
        for i, loss in enumerate(others)
    })
    assert losses.keys() == expected.keys()
    for name, loss in losses.items():
        torch.testing.assert_close(loss, expected[name])
    total, logged = model.parse_losses(losses)
    torch.testing.assert_close(total, sum(expected.values()))


def test_predicts_by_the_main_one_alone():
    model = randomize_norms(classifier()).eval()
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = scores(model.head, model.extract_feat(x))[0]
        torch.testing.assert_close(model(x), expected)
        predicted = model(x, mode='predict')
    assert [int(p.pred_label)
            for p in predicted] == expected.argmax(1).tolist()


def test_a_fused_net_has_no_auxiliary_one():
    """Its weights are a linear head's, and it trains on without."""
    model = randomize_norms(classifier()).eval()
    fused = mmrep.fuse(model)
    assert model.head.auxiliary is not None
    assert set(fused.head.state_dict()) == {'fc.weight', 'fc.bias'}
    x = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(fused(x), model(x), rtol=1e-4, atol=1e-5)
    assert fused(x, samples(), mode='loss').keys() == {'loss'}


def test_initial_weights_are_the_hosts_or_pytorchs():
    model = classifier(aux_channels=(128, 16, 32), init_cfg=None)
    model.head.init_weights()
    conv, fc = model.head.auxiliary[0].conv, model.head.auxiliary[0].fc
    for weight, fan_in in ((conv.weight, 128 * 9), (fc.weight, 128)):
        assert weight.std().item() == pytest.approx((3 * fan_in)**-.5, rel=.1)


@pytest.mark.parametrize('change', [
    dict(neck=dict(type='mmpretrain.GlobalAveragePooling')),
    dict(half_indices=()),
])
def test_features_that_do_not_fit(change):
    model = classifier()
    if 'neck' in change:
        model.neck = MODELS.build(change['neck'])
    else:
        model.backbone.half_indices = ()
    with pytest.raises(UserError, match='has 3 `aux_channels` and gets [02] '):
        model(torch.randn(2, 3, 64, 64), samples(), mode='loss')


def test_channels_that_do_not_fit():
    model = classifier(aux_channels=(8, 32, 16))
    with pytest.raises(
            UserError,
            match=r'`aux_channels` \(=\(8, 32, 16\)\) '
            r'.* must be .* which are \(8, 16, 32\)'):
        model(torch.randn(2, 3, 64, 64), samples(), mode='loss')


@pytest.mark.parametrize('head, message', [
    (dict(aux_channels=8), r'`aux_channels` \(=8\) must be a sequence'),
    (dict(aux_channels=(8, 0)), r'`aux_channels` \(=\(8, 0\)\) must be'),
    (dict(aux_loss_weight='0.1'), r"`aux_loss_weight` \(='0.1'\) must be a"),
    (dict(aux_loss_weight=-1), r'`aux_loss_weight` \(=-1\) must be a fin'),
    (dict(aux_loss_weight=math.nan), r'`aux_loss_weight` \(=nan\) must be'),
    (dict(aux_loss_weight=math.inf), r'`aux_loss_weight` \(=inf\) must be'),
    (dict(norm_cfg=None), r'`norm_cfg` \(=None\) must be a dict with a'),
])
def test_impossible_arguments(head, message):
    with pytest.raises(UserError, match=message):
        classifier(**head)


def test_gradients_reach_the_stages_in_front_alone():
    """That behind the half, and the last, learn from the main loss."""
    model = classifier()
    losses = model(torch.randn(2, 3, 64, 64), samples(), mode='loss')
    losses['loss_aux_2'].backward()
    net: RepVGGBackbone = model.backbone
    reached = [
        next(part.parameters()).grad is not None
        for part in (net.stem, net.stage_3[0], net.stage_3[1], net.stage_4)
    ]
    assert reached == [True, True, False, False]
