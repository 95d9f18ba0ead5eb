"""Predictions for all priors are those that mmdet has before suppression."""
import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope

from mmrep.boxes.every_prior import boxes_of_priors, dense_head

from ..refusals import sentence

SIDES, STRIDES = ((6, 5), (3, 3)), (8, 16)
SIZE = (48, 40)
ANCHORS = dict(type='AnchorGenerator', ratios=[1.0], strides=STRIDES)
COMMON = dict(num_classes=3, in_channels=8, feat_channels=8)
NMS = dict(type='nms', iou_threshold=0.5)
OPEN = dict(score_thr=0, nms_pre=1000, nms=NMS, max_per_img=1000)
HEADS = dict(
    RetinaHead=dict(
        anchor_generator=dict(
            ANCHORS, octave_base_scale=4, scales_per_octave=2)),
    ATSSHead=dict(
        norm_cfg=None,
        anchor_generator=dict(ANCHORS, octave_base_scale=8,
                              scales_per_octave=1)),
    FCOSHead=dict(strides=STRIDES, norm_cfg=None),
    GFLHead=dict(
        norm_cfg=None,
        reg_max=7,
        anchor_generator=dict(ANCHORS, octave_base_scale=8,
                              scales_per_octave=1)),
    RTMDetHead=dict(
        norm_cfg=dict(type='GN', num_groups=4),
        anchor_generator=dict(type='MlvlPointGenerator', strides=STRIDES),
        bbox_coder=dict(type='DistancePointBBoxCoder')),
)  # yapf: disable


def build(kind, **options):
    init_default_scope('mmdet')
    torch.manual_seed(0)
    head = MODELS.build(dict(type=kind, **options)).eval()
    for parameter in head.parameters():  # boxes of all kinds
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.1)
    return head


def maps_of(head):
    features = [torch.randn(2, 8, *sides) for sides in SIDES]
    with torch.no_grad():
        return head(features)


def by_mmdet(head, maps):
    """All boxes, scores and labels of each image."""
    metas = [dict(img_shape=SIZE, scale_factor=(1., 1.))] * 2
    return head.predict_by_feat(
        *maps,
        batch_img_metas=metas,
        cfg=head.test_cfg,
        rescale=False,
        with_nms=False)


def in_order(boxes, scores, labels):
    rows = torch.cat([boxes, scores[:, None], labels[:, None].float()], 1)
    return rows[scores.argsort(descending=True, stable=True)]


@pytest.mark.parametrize('kind', HEADS)
def test_all_pairs_are_those_of_mmdet(kind):
    """Each pair of a prior and a class, with the score after the factor."""
    options = {**COMMON, **HEADS[kind]}
    head = build(kind, test_cfg=ConfigDict(OPEN), **options)
    maps = maps_of(head)
    boxes, scores, *factors = boxes_of_priors(head, maps, SIZE)
    assert bool(factors) == (kind in ('ATSSHead', 'FCOSHead'))
    for factor in factors:
        scores = scores * factor[..., None]
    priors, classes = scores.shape[1:]
    labels = torch.arange(classes).repeat(priors)
    for i, expected in enumerate(by_mmdet(head, maps)):
        each = boxes[i].repeat_interleave(classes, 0)
        found = in_order(each, scores[i].flatten(), labels)
        known = in_order(
            expected.bboxes,
            expected.scores *
            getattr(expected, 'score_factors', torch.ones(1)), expected.labels)
        torch.testing.assert_close(found, known, rtol=1e-5, atol=1e-4)


def test_proposals():
    """A region proposal network has one score for each prior."""
    head = build(
        'RPNHead',
        in_channels=8,
        feat_channels=8,
        anchor_generator=dict(ANCHORS, scales=[4, 8]),
        # nothing overlaps more than wholly
        test_cfg=ConfigDict(OPEN, nms=dict(NMS, iou_threshold=1.)))
    maps = maps_of(head)
    boxes, scores = boxes_of_priors(head, maps, SIZE)
    assert scores.shape == (2, 2 * (30 + 9), 1)
    for i, expected in enumerate(by_mmdet(head, maps)):
        order = expected.scores.argsort(descending=True)
        own = scores[i, :, 0].argsort(descending=True)
        torch.testing.assert_close(boxes[i][own], expected.bboxes[order])
        torch.testing.assert_close(scores[i, own, 0], expected.scores[order])


def test_yolox():
    """The formulas of the paper: centre, exponents, product of scores."""
    head = build(
        'YOLOXHead',
        strides=STRIDES,
        test_cfg=ConfigDict(score_thr=0.01, nms=NMS),
        **COMMON)
    maps = maps_of(head)
    boxes, scores = boxes_of_priors(head, maps, SIZE)
    classes, deltas, objectness = maps
    y, x = 2, 3  # a cell of the second image on the first level
    shift = deltas[0][1, :, y, x]
    centre = 8 * (torch.tensor([x, y]) + shift[:2])
    half = 8 * shift[2:].exp() / 2
    found = boxes[1, 5 * y + x]
    torch.testing.assert_close(found, torch.cat([centre - half,
                                                 centre + half]))
    both = classes[0].sigmoid() * objectness[0].sigmoid()
    torch.testing.assert_close(scores[1, 5 * y + x], both[1, :, y, x])


def test_dense_head():
    net = torch.nn.Module()
    assert dense_head(net) is None
    net.bbox_head = torch.nn.Identity()
    assert dense_head(net) is net.bbox_head
    net.rpn_head = torch.nn.Linear(1, 1)
    assert dense_head(net) is net.rpn_head


def test_other_heads_are_refused():
    head = torch.nn.Identity()
    assert 'makes its boxes in its own way' in sentence(
        boxes_of_priors, head, (), SIZE)
