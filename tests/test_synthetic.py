"""Random batches fit the hosts' models."""
import pytest
import torch
from mmengine.optim import build_optim_wrapper

from mmrep.cli import build_model, load_config
from mmrep.synthetic import synthetic_batch


@pytest.mark.parametrize('host', ['seg', 'det', 'cls'])
def test_a_training_step(host, request):
    cfg = load_config(request.getfixturevalue(f'tiny_{host}'))
    model = build_model(cfg).train()
    before = [p.clone() for p in model.parameters()]
    batch = synthetic_batch(cfg.default_scope, (40, 72), 3)
    assert len(batch['inputs']) == len(batch['data_samples']) == 3
    assert batch['inputs'][0].shape == (3, 40, 72)
    losses = model.train_step(batch,
                              build_optim_wrapper(model, cfg.optim_wrapper))
    assert all(torch.isfinite(value) for value in losses.values())
    moved = [not a.equal(b) for a, b in zip(before, model.parameters())]
    assert sum(moved) > 0.9 * len(moved)


def test_boxes_lie_in_the_image():
    sample = synthetic_batch('mmdet', (50, 90), 1)['data_samples'][0]
    boxes = sample.gt_instances.bboxes
    assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] > boxes[:, :2]).all()
    assert boxes[:, 2].max() <= 90 and boxes[:, 3].max() <= 50
