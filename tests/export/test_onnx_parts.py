"""Parts of the three hosts' models that are exported."""
import pytest
import torch
from torch import nn

from mmrep.cli import build_model, load_config
from mmrep.errors import UserError
from mmrep.export.onnx_parts import Part


def model_of(config):
    torch.manual_seed(0)
    return build_model(load_config(config)).eval()


@torch.no_grad()
def test_segmentor(tiny_seg):
    model = model_of(tiny_seg)
    x = torch.randn(2, 3, 32, 64)
    logits, = Part(model, 'whole')(x)
    assert logits.shape == (2, 19, 32, 64)
    small = model.decode_head(model.extract_feat(x))
    expected = nn.functional.interpolate(
        small, (32, 64), mode='bilinear', align_corners=False)
    torch.testing.assert_close(logits, expected)
    assert [f.shape[1] for f in Part(model, 'backbone')(x)] == [8, 16, 32, 64]


@torch.no_grad()
def test_classifier(tiny_cls):
    model = model_of(tiny_cls)
    x = torch.randn(2, 3, 32, 32)
    logits, = Part(model, 'whole')(x)
    *_, features = Part(model, 'neck')(x)
    assert features.shape == (2, 64)
    torch.testing.assert_close(logits, model.head.fc(features))


@torch.no_grad()
def test_detector(tiny_det):
    model = model_of(tiny_det)
    x = torch.randn(1, 3, 64, 64)
    part = Part(model, 'neck')
    features = part(x)
    assert [f.shape[1] for f in features] == [16] * 5
    assert part.names(2) == ['feature_0', 'feature_1']
    boxes, scores, labels = Part(model, 'whole')(x)
    assert boxes.shape[:2] == scores.shape == labels.shape


def test_the_mode_is_the_models(tiny_cls):
    """With another mode, the exporter would leave the model in training."""
    model = model_of(tiny_cls)
    assert not Part(model, 'whole').training
    assert Part(model.train(), 'whole').training


def test_no_backbone():
    with pytest.raises(UserError, match='no backbone'):
        Part(nn.Conv2d(1, 1, 1), 'backbone')
