"""A detector as tensors gives the boxes that mmdet predicts."""
import pytest
import torch

from mmrep.boxes import Detector
from mmrep.boxes.matching import match
from mmrep.boxes.predicted import boxes_in, changed, last_config, predicted
from mmrep.export.onnx_export import to_onnx
from mmrep.export.onnx_parts import Part
from mmrep.export.onnx_session import run, session

from .detectors import KINDS, detector

SHAPES = [(1, 3, 96, 128), (3, 3, 64, 96), (2, 3, 128, 64)]


def image(shape):
    return torch.randn(
        shape, generator=torch.Generator().manual_seed(shape[2]))


@pytest.fixture(scope='module', params=KINDS)
def model(request):
    return detector(request.param)


def check(expected, outputs, pixels, score):
    """Compare the boxes of all images; return their number."""
    count = 0
    for a, b in zip(expected, boxes_in(outputs)):
        one = match(a, b)
        assert not one.alone
        assert one.pixels <= pixels and one.score <= score
        count += one.count
    return count


@torch.no_grad()
def test_torch(model):
    """Torch computes bit for bit the same corners as mmdet."""
    for shape in SHAPES:
        x = image(shape)
        outputs = Detector(model)(x)
        count = check(predicted(model, x), outputs, 1e-5, 1e-6)
        assert count >= 4 * shape[0]
        boxes, scores, labels = outputs
        assert boxes.shape == (*scores.shape, 4) == (*labels.shape, 4)
        assert (scores.diff(dim=1) <= 0).all()
        assert ((labels < 0) == (scores == 0)).all()
        assert boxes[labels < 0].eq(0).all()


@torch.no_grad()
def test_onnx(model):
    """One file takes batches and images of other sizes than the traced one."""
    pytest.importorskip('onnxruntime')
    runs = session(
        to_onnx(
            Part(model, 'whole'), (2, 3, 64, 64),
            ('batch', 'height', 'width')))
    for shape in SHAPES:
        x = image(shape)
        check(predicted(model, x), run(runs, x), 1e-3, 1e-4)


@torch.no_grad()
@pytest.mark.parametrize('kind', ['retinanet', 'faster_rcnn', 'yolox'])
def test_no_box_one_box_and_more_than_the_limit(kind):
    model = detector(kind)
    config, x = last_config(model), image(SHAPES[0])
    scores = predicted(model, x)[0].scores
    for least, count in ((2., 0), (scores[:2].mean().item(), 1)):
        with changed(config, score_thr=least):
            outputs = Detector(model)(x)
            assert check(predicted(model, x), outputs, 0, 1e-7) == count
    limit = len(scores) // 2
    if kind == 'yolox':  # whose boxes mmdet does not limit
        return
    with changed(config, max_per_img=limit):
        boxes, scores, labels = Detector(model)(x)
    assert scores.shape == (1, limit) and (labels >= 0).all()


@torch.no_grad()
@pytest.mark.parametrize('kind', KINDS)
def test_padded_images(kind):
    """Boxes are clipped at the border of the image without its padding."""
    model, x, size = detector(kind), image(SHAPES[0]), (48, 40)
    x[..., size[0]:, :] = x[..., size[1]:] = 0
    expected = predicted(model, x, size)
    outputs = Detector(model)(x, size)
    check(expected, outputs, 1e-5, 1e-6)
    if kind != 'yolox':  # which does not clip
        assert outputs[0][..., 2].max() == size[1]


@torch.no_grad()
@pytest.mark.parametrize('kind, changes', [
    ('retinanet', dict(test_cfg=dict(nms_pre=20))),
    ('retinanet', dict(test_cfg=dict(min_bbox_size=8))),
    ('retinanet', dict(test_cfg=dict(nms=dict(class_agnostic=True)))),
    ('retinanet',
     dict(
         bbox_head=dict(
             loss_cls=dict(
                 _delete_=True, type='CrossEntropyLoss', use_sigmoid=False)))),
    ('faster_rcnn', dict(test_cfg=dict(rpn=dict(nms_pre=30)))),
    ('faster_rcnn', dict(test_cfg=dict(rpn=dict(max_per_img=7)))),
    ('faster_rcnn', dict(test_cfg=dict(rpn=dict(min_bbox_size=30)))),
    ('faster_rcnn',
     dict(test_cfg=dict(rcnn=dict(nms=dict(iou_threshold=0.2))))),
    ('faster_rcnn',
     dict(roi_head=dict(bbox_head=dict(reg_class_agnostic=True)))),
    ('faster_rcnn',
     dict(
         roi_head=dict(
             bbox_roi_extractor=dict(
                 finest_scale=20, roi_layer=dict(sampling_ratio=2))))),
])
def test_settings(kind, changes):
    """Each setting changes the boxes, as it does in mmdet."""
    model, x = detector(kind, **changes), image(SHAPES[1])
    expected = predicted(model, x)
    check(expected, Detector(model)(x), 1e-5, 1e-6)
    usual = predicted(detector(kind), x)
    assert any(a.size != b.size or not a.corners.allclose(b.corners)
               for a, b in zip(expected, usual))


@torch.no_grad()
@pytest.mark.parametrize('kind, setting', [
    ('faster_rcnn', dict(min_bbox_size=30)),
    ('yolox', dict(min_bbox_size=30)),
    ('yolox', dict(max_per_img=3)),
])
def test_settings_that_mmdet_ignores(kind, setting):
    model, x = detector(kind), image(SHAPES[1])
    expected = predicted(model, x)
    with changed(last_config(model), **setting):
        assert check(expected, Detector(model)(x), 1e-5, 1e-6)


@torch.no_grad()
def test_no_proposals():
    """An image without proposals has no boxes, in torch and in the file."""
    pytest.importorskip('onnxruntime')
    model = detector('faster_rcnn')
    part = Part(model, 'whole')
    free = ('batch', 'height', 'width')
    with changed(model.rpn_head.test_cfg, min_bbox_size=5000):
        assert (Detector(model)(image(SHAPES[0]))[2] == -1).all()
        runs = session(to_onnx(part, (2, 3, 64, 64), free))
        assert (run(runs, image(SHAPES[1]))[2] == -1).all()
    with changed(model.rpn_head.test_cfg, min_bbox_size=40):
        runs = session(to_onnx(part, (2, 3, 96, 96), free))
        assert (run(runs, torch.randn(1, 3, 32, 32))[2] == -1).all()
