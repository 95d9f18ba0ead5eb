"""Parts that take images give what the hosts give for these images."""
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import BaseDataElement

from mmrep.boxes.predicted import boxes_in, predicted
from mmrep.export.host_outputs import (as_given, decoded, host_function,
                                       preparation, prepared)
from mmrep.export.input_kinds import IMAGES
from mmrep.export.onnx_parts import Part
from mmrep.testing import randomize_norms

MEAN = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
BACKBONE = dict(type='ResNet', depth=18, base_channels=4)
X = IMAGES.draw((2, 51, 45, 3), 0)
SIDE = 64  # of X when it is padded
HEAD = dict(
    type='FCNHead', in_channels=32, channels=8, num_convs=1, dropout_ratio=0)


def build(scope, **model):
    init_default_scope(scope)
    torch.manual_seed(0)
    return randomize_norms(MODELS.build(ConfigDict(model))).eval()


@torch.no_grad()
def segmentor(**head):
    """Return a segmentor whose labels differ from pixel to pixel."""
    model = build(
        'mmseg',
        type='EncoderDecoder',
        data_preprocessor=dict(
            type='SegDataPreProcessor',
            **MEAN,
            bgr_to_rgb=True,
            test_cfg=dict(size_divisor=32)),
        backbone=BACKBONE,
        decode_head=dict(HEAD, **head),
        test_cfg=dict(mode='whole'))
    last = model.decode_head.conv_seg
    last.bias -= model(prepared(model, X).x).mean((0, 2, 3))
    return model


def classifier():
    return build(
        'mmpretrain',
        type='ImageClassifier',
        data_preprocessor=dict(
            type='ClsDataPreprocessor',
            **MEAN,
            to_rgb=True,
            pad_size_divisor=32),
        backbone=BACKBONE,
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='LinearClsHead', num_classes=5, in_channels=32))


def detector():
    return build(
        'mmdet',
        type='RetinaNet',
        data_preprocessor=dict(
            type='DetDataPreprocessor',
            **MEAN,
            bgr_to_rgb=True,
            pad_size_divisor=32),
        backbone=BACKBONE,
        neck=dict(
            type='FPN', in_channels=[4, 8, 16, 32], out_channels=8,
            num_outs=5),
        bbox_head=dict(
            type='RetinaHead',
            num_classes=3,
            in_channels=8,
            feat_channels=8,
            stacked_convs=1,
            anchor_generator=dict(
                type='AnchorGenerator',
                octave_base_scale=4,
                scales_per_octave=3,
                ratios=[0.5, 1.0, 2.0],
                strides=[8, 16, 32, 64, 128])),
        test_cfg=dict(
            nms_pre=1000,
            score_thr=0.0,
            nms=dict(type='nms', iou_threshold=0.5),
            max_per_img=20))


@torch.no_grad()
def of_host(model):
    """Return what the host's test gives for the images."""
    size = tuple(X.shape[1:3])
    meta = dict(img_shape=size, ori_shape=size, scale_factor=(1., 1.))
    data = dict(inputs=list(X.permute(0, 3, 1, 2)))
    if not hasattr(model, 'head'):  # mmpretrain makes its own samples
        data['data_samples'] = [BaseDataElement(metainfo=meta) for _ in X]
    return model.test_step(data)


@pytest.mark.parametrize('options, one', [
    (dict(num_classes=7), False),
    (dict(num_classes=2, out_channels=1, threshold=0.5), True),
])
@torch.no_grad()
def test_segmentors(options, one):
    model = segmentor(**options)
    expected = of_host(model)
    labels, = Part(model, 'whole', True, True)(X)
    assert labels.dtype == torch.int64 and len(labels.unique()) > 1
    assert labels.equal(
        torch.cat([e.pred_sem_seg.data for e in expected]).long())
    scores, found = host_function(Part(model, 'whole', True, True))(X)
    assert found.equal(labels) and scores.argmax(1).equal(labels)
    logits, = Part(model, 'whole', preprocess=True)(X)
    expected = torch.stack([e.seg_logits.data for e in expected])
    own = logits.sigmoid() if one else logits
    torch.testing.assert_close(own, expected, atol=1e-6, rtol=0)
    found, = host_function(Part(model, 'whole', preprocess=True))(X)
    assert found.equal(logits)


@torch.no_grad()
def test_classifiers():
    model = classifier()
    logits, = Part(model, 'whole', preprocess=True)(X)
    expected = torch.stack([each.pred_score for each in of_host(model)])
    torch.testing.assert_close(logits.softmax(1), expected)
    found, = host_function(Part(model, 'whole', preprocess=True))(X)
    assert found.equal(logits)


@torch.no_grad()
def test_detectors():
    """Boxes end where the image ends, not the padding."""
    model = detector()
    part = Part(model, 'whole', preprocess=True)
    found = boxes_in(part(X))
    again = predicted(model, *preparation(model, IMAGES)(X))
    for result, *boxes in zip(of_host(model), found, again):
        expected = result.pred_instances
        assert len(expected.scores) and expected.bboxes.max() <= 51
        for each in boxes:
            assert each.corners.equal(expected.bboxes)
            assert each.scores.equal(expected.scores)
            assert each.labels.equal(expected.labels)


@torch.no_grad()
def test_features_are_those_of_padded_images():
    model = classifier()
    part = Part(model, 'backbone', preprocess=True)
    x = prepared(model, X).x
    assert x.shape == (2, 3, SIDE, SIDE)
    for features in (part(X), host_function(part)(X)):
        assert all(map(torch.equal, features, model.backbone(x)))


@torch.no_grad()
def test_of_another_model():
    """The same part of another net keeps its options."""
    part = Part(segmentor(num_classes=7), 'whole', True, True)
    other = part.of(segmentor(num_classes=3))
    assert other.takes is IMAGES and other.names(1) == ['labels']
    assert other(X)[0].max() <= 2 < part(X)[0].max()


def test_given_tensors_are_not_padded():
    x = torch.randn(2, 3, 51, 45)
    given = as_given(x)
    assert given.x is x and given.size == (51, 45)
    assert given.samples[1].metainfo['img_shape'] == (51, 45)


def test_decoded():
    images = list(X.permute(0, 3, 1, 2))
    assert decoded(dict(inputs=images))['inputs'].equal(X)
