"""Boxes of a file become mmdet's results."""
from types import SimpleNamespace as Namespace

import pytest
import torch
from mmdet.structures import DetDataSample

from mmrep.boxes import OUTPUTS
from mmrep.inference.onnx_file import OnnxFile
from mmrep.inference.served_boxes import BoxesOfHost
from mmrep.inference.served_net import Net

from ..refusals import sentence

BOXES = torch.tensor([[[-1., 2., 50., 60.], [10., 20., 30., 40.],
                       [0., 0., 0., 0.]]])
SCORES = torch.tensor([[0.9, 0.5, 0.]])
LABELS = torch.tensor([[1, 0, -1]])


def detector(clips, region=False):
    coder = {} if clips is None else dict(
        bbox_coder=Namespace(clip_border=clips))
    head = Namespace(num_classes=2, **coder)
    if not region:
        return Namespace(bbox_head=head)
    return Namespace(roi_head=Namespace(bbox_head=head))


def net_of(labels=LABELS, names=OUTPUTS):
    outputs = dict(boxes=BOXES, scores=SCORES, labels=labels)
    file = OnnxFile('input', False, (None, ) * 4, names, 'detector')
    return Net(file, lambda _: [outputs[name].numpy() for name in names])


def sample(**meta):
    return DetDataSample(metainfo=dict(img_shape=(56, 40), **meta))


@pytest.mark.parametrize('clips, region, corners', [
    (True, False, [0, 2, 40, 56]),
    (True, True, [0, 2, 40, 56]),
    (False, False, [-1, 2, 50, 60]),
    (None, False, [-1, 2, 50, 60]),
])
def test_clipped_and_scaled(clips, region, corners):
    """Boxes end at the true size, in pixels of the original."""
    predict = BoxesOfHost(detector(clips, region), net_of())
    found, = predict(
        torch.zeros(1, 3, 64, 64), [sample(scale_factor=(2., 4.))])
    found = found.pred_instances
    left, top, right, bottom = corners
    assert found.bboxes.tolist() == [[
        left / 2, top / 4, right / 2, bottom / 4
    ], [5., 5., 15., 10.]]
    assert found.scores.tolist() == pytest.approx([0.9, 0.5])
    assert found.labels.tolist() == [1, 0]


def test_outputs_in_any_order():
    names = ('labels', 'boxes', 'scores')
    predict = BoxesOfHost(detector(False), net_of(names=names))
    found, = predict(torch.zeros(1, 3, 64, 64), [sample()], rescale=False)
    assert found.pred_instances.bboxes.equal(BOXES[0, :2])


def test_no_boxes():
    predict = BoxesOfHost(detector(True), net_of(torch.full((1, 3), -1)))
    found, = predict(torch.zeros(1, 3, 64, 64), [sample()], rescale=False)
    assert found.pred_instances.bboxes.shape == (0, 4)


def test_refused():
    image = torch.zeros(1, 3, 64, 64)
    predict = BoxesOfHost(detector(True), net_of(LABELS + 1))
    assert 'label 2 and the model of the config has 2' in sentence(
        predict, image, [sample(scale_factor=(1., 1.))])
    predict = BoxesOfHost(detector(True), net_of())
    assert 'no `scale_factor`' in sentence(predict, image, [sample()])
