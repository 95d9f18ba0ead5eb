"""Served by onnxruntime, a float file scores as the net in torch does."""
import pytest
import torch
from mmengine.logging import MMLogger

from mmrep.cli import build_model, load_config
from mmrep.cli.calibration import validation_loader
from mmrep.deploy.int8_evaluate import check_served, evaluate, served
from mmrep.deploy.onnx_export import to_onnx
from mmrep.deploy.onnx_parts import Part
from mmrep.errors import UserError
from mmrep.testing import randomize_norms

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')

PLAIN = "\nmodel = dict(backbone=dict(type='ResNet'))"


@pytest.mark.parametrize('name, metric, size', [
    ('tiny_seg', 'mIoU', (32, 64)),
    ('tiny_cls', 'accuracy/top1', (32, 32)),
])
@torch.no_grad()
def test_scores(name, metric, size, request, tmp_path):
    config = tmp_path / 'net.py'
    config.write_text(f'_base_ = {request.getfixturevalue(name)!r}{PLAIN}')
    cfg = load_config(str(config))
    torch.manual_seed(0)
    model = randomize_norms(build_model(cfg)).eval()
    data = to_onnx(Part(model, 'whole'), (2, 3, *size), ('batch', ))
    loader, seen = validation_loader(cfg), []

    def track(batches):
        for batch in batches:
            seen.append(batch)
            yield batch

    level = MMLogger.get_current_instance().level
    expected = evaluate(cfg, model, loader)
    found = evaluate(cfg, served(model, data), loader, track)
    assert metric in found and found == pytest.approx(expected)
    assert len(seen) == len(loader)
    assert MMLogger.get_current_instance().level == level

    # the file answers, and the net is unchanged
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    other = to_onnx(Part(model, 'whole'), (2, 3, *size), ('batch', ))
    assert evaluate(cfg, served(model, data), loader) == pytest.approx(found)
    assert evaluate(cfg, model, loader) == pytest.approx(
        evaluate(cfg, served(model, other), loader))


def test_other_sizes(tiny_seg):
    """A file for one size refuses an image of another in one sentence."""
    cfg = load_config(tiny_seg)
    cfg.model.backbone.type = 'ResNet'
    model = build_model(cfg).eval()
    data = to_onnx(Part(model, 'whole'), (2, 3, 32, 32), ('batch', ))
    with pytest.raises(UserError, match='x 32 x 32 only .* x 32 x 64: make'):
        evaluate(cfg, served(model, data), validation_loader(cfg))


def test_several_outputs(tiny_cls):
    """A net without a head, or with several outputs, cannot be served."""
    cfg = load_config(tiny_cls)
    cfg.model.backbone.type = 'ResNet'
    whole = build_model(cfg).eval()
    check_served(whole, to_onnx(Part(whole, 'whole'), (1, 3, 32, 32)))
    head = dict(type='LinearClsHead', num_classes=2)
    for heads in (None,
                  dict(
                      type='MultiTaskHead',
                      in_channels=64,
                      task_heads=dict(a=head, b=head))):
        cfg.model.head = heads
        model = build_model(cfg).eval()
        data = to_onnx(Part(model, 'whole'), (1, 3, 32, 32))
        with pytest.raises(UserError, match='one tensor of logits'):
            check_served(model, data)
