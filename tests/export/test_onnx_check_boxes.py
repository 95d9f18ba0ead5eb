"""Boxes of a file are compared with mmdet's: faults are seen, ties are not."""
import copy
from functools import partial

import pytest
import torch

from mmrep.boxes.predicted import changed, last_config
from mmrep.export.box_rounding import HINT
from mmrep.export.onnx_check import Mismatch, Traced
from mmrep.export.onnx_check_boxes import Comparison
from mmrep.export.onnx_export import to_onnx
from mmrep.export.onnx_parts import Part

from ..boxes.detectors import detector

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')

SHAPE = (1, 3, 64, 64)
TRACED = Traced([SHAPE], ())


@pytest.fixture(autouse=True)
def few_images(monkeypatch):
    monkeypatch.setattr('mmrep.export.onnx_check_boxes.IMAGES', 2)


def agreement(model, other=None, images=None):
    """Export a model and compare it with mmdet's boxes of another."""
    part = Part(copy.deepcopy(model), 'whole')
    again = partial(to_onnx, part, SHAPE)
    return Comparison(other or model, part, images)(again(), TRACED, again)


@pytest.mark.parametrize('kind', ['retinanet', 'faster_rcnn'])
def test_equal(kind):
    found = agreement(detector(kind))
    assert found.fault is None
    assert ' boxes on 2 images differ by at most' in found.text


def even(kind):
    """Return a detector all of whose boxes are as good as each other."""
    model = detector(kind)
    last = (
        model.bbox_head.retina_cls
        if kind == 'retinanet' else model.rpn_head.rpn_cls)
    torch.nn.init.normal_(last.weight, std=1e-8)
    torch.nn.init.ones_(last.bias)
    # more than there are, or a box that is missing could be a tie, too
    last_config(model).update(max_per_img=5000, nms_pre=5000)
    return model


@pytest.mark.parametrize('kind', ['retinanet', 'faster_rcnn'])
def test_ties(kind):
    """Rounding chooses the boxes, or the proposals, and none is wrong."""
    found = agreement(even(kind))
    assert found.fault is None and ' ties ' in found.text


@pytest.mark.parametrize('kind', ['retinanet', 'faster_rcnn'])
def test_wrong_boxes_among_ties(kind):
    model = even(kind)
    other = copy.deepcopy(model)
    head = other.bbox_head if kind == 'retinanet' else other.rpn_head
    head.test_cfg.nms.iou_threshold = 0.2
    assert 'overlap' in agreement(model, other).fault
    head.test_cfg.nms.iou_threshold = 0.95
    assert 'is missing' in agreement(model, other).fault
    head.bbox_coder.stds = (.9, .9, .9, .9)
    assert 'none of the candidates' in agreement(model, other).fault


def other_file(model, **test_cfg):
    """Compare a file of other settings with a model, and return the fault."""
    other = copy.deepcopy(model)
    other.bbox_head.test_cfg.update(test_cfg)
    data = to_onnx(Part(other, 'whole'), SHAPE)
    part = Part(copy.deepcopy(model), 'whole')
    return Comparison(model, part)(data, TRACED, lambda: data).fault


def test_other_files():
    model = detector('retinanet')
    model.bbox_head.test_cfg.max_per_img = 60
    assert other_file(model) is None
    assert 'the limit is 60' in other_file(model, max_per_img=70)
    fault = other_file(model, score_thr=0.9)
    assert ' alone, and ' in fault and HINT not in fault
    moved = copy.deepcopy(model)
    moved.bbox_head.bbox_coder.stds = (1 + 1e-4, ) * 4
    data = to_onnx(Part(moved, 'whole'), SHAPE)
    compare = Comparison(model, Part(copy.deepcopy(model), 'whole'))
    fault = compare(data, TRACED, lambda: data).fault
    assert ' pixels, more than 1e-03' in fault


@pytest.mark.parametrize('change', [
    lambda head: head.test_cfg.update(nms_pre=30),
    lambda head: head.test_cfg.update(max_per_img=90),
    lambda head: head.test_cfg.nms.update(iou_threshold=0.505),
    lambda head: head.test_cfg.nms.update(class_agnostic=True),
])
def test_another_function(change):
    """In torch, equal scores alone let the boxes be others."""
    model = detector('retinanet')
    other = copy.deepcopy(model)
    change(other.bbox_head)
    with pytest.raises(Mismatch, match='share .* boxes of an image'):
        agreement(model, other)


def test_a_host_that_fails():
    model = detector('retinanet')
    del model.bbox_head.test_cfg['max_per_img']
    with pytest.raises(Mismatch, match='own `predict` does not run'):
        agreement(model)


def test_nothing_to_compare():
    model = detector('retinanet')
    model.bbox_head.retina_cls.bias.data.fill_(-1e4)
    assert 'nothing can be compared' in agreement(model).fault


def test_few_boxes():
    """A lower threshold gives boxes to compare, and is set back."""
    model = detector('retinanet')
    with changed(last_config(model), score_thr=0.999):
        found = agreement(model)
        assert last_config(model)['score_thr'] == 0.999
    assert found.fault is None
    assert 'with a score_thr of 1e-01 (0 boxes' in found.text


def test_own_images():
    """A file of one size gets the user's images in that size."""
    images = [torch.randn(1, 3, 50, 50) for _ in range(2)]
    found = agreement(detector('retinanet'), images=images)
    assert found.fault is None and ' on 3 images ' in found.text


def test_wild_boxes():
    """The message says so where rounding decides about torch's boxes."""
    model = detector('retinanet')
    model.bbox_head.retina_reg.weight.data *= 1e4
    model.bbox_head.bbox_coder.clip_border = False
    assert HINT in agreement(model).fault
