"""Random detectors find as many boxes as trained ones might."""
import pytest
import torch
from torch import nn

from mmrep.boxes import Detector
from mmrep.cli import load_config
from mmrep.measure import random_nets
from mmrep.measure.random_nets import with_usual_numbers
from mmrep.measure.training_step import model_for


@pytest.fixture
def case(tiny_det):
    torch.manual_seed(0)
    x = torch.randn(1, 3, 64, 96)
    return model_for(load_config(tiny_det), (64, 96)).eval(), x


def predicted(model, x):
    """Return mmdet's own boxes."""
    from mmdet.structures import DetDataSample
    shape = tuple(x.shape[2:])
    meta = dict(
        img_shape=shape, ori_shape=shape, pad_shape=shape, scale_factor=(1, 1))
    with torch.no_grad():
        found, = model.predict(
            x, [DetDataSample(metainfo=meta)], rescale=False)
    return found.pred_instances


def test_boxes(case, monkeypatch):
    monkeypatch.setattr(random_nets, 'BOXES', 7)
    model, x = case
    assert with_usual_numbers(model, x) is model
    found = predicted(model, x)
    assert len(found.bboxes) == 7
    assert found.scores.min() > model.bbox_head.test_cfg.score_thr > 0


def test_fewer_boxes_than_asked_for(case, monkeypatch):
    model, x = case
    model.bbox_head.test_cfg.max_per_img = 5
    assert len(predicted(with_usual_numbers(model, x), x).bboxes) == 5


def test_numbers(case):
    """Logits of the first level have deviation 1, and norms are not fresh."""
    model, x = case
    before = model.backbone.bn1.running_var.clone()
    with_usual_numbers(model, x)
    assert not model.backbone.bn1.running_var.equal(before)
    with torch.no_grad():
        features = model.extract_feat(x)
        for maps in model.bbox_head(features):
            assert maps[0].std().item() == pytest.approx(1, rel=1e-3)
        Detector(model)(x)  # has left no hooks
        again = model.bbox_head(features)[0][0]
    assert again.std().item() == pytest.approx(1, rel=1e-3)


def test_other_nets_get_norms_alone(tiny_cls):
    model = model_for(load_config(tiny_cls), (64, 96)).eval()
    weights = {name: p.clone() for name, p in model.named_parameters()}
    with_usual_numbers(model, torch.randn(1, 3, 64, 96))
    changed = {
        name
        for name, p in model.named_parameters() if not p.equal(weights[name])
    }
    assert changed == {
        f'{name}.{leaf}'
        for name, module in model.named_modules()
        if isinstance(module, nn.BatchNorm2d) for leaf in ('weight', 'bias')
    }
