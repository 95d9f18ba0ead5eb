"""A config's training step on random images."""
import pytest
import torch

from mmrep.cli import UserError, load_config
from mmrep.cli.training_step import (TrainingStep, check_at_least_one,
                                     training_model)

SIZE = (64, 64)


@pytest.fixture(params=['tiny_seg', 'tiny_det', 'tiny_cls'])
def cfg(request):
    return load_config(request.getfixturevalue(request.param))


def test_a_step_trains_and_moves_nothing(cfg):
    cfg.optim_wrapper.accumulative_counts = 4
    model = training_model(cfg, SIZE)
    step = TrainingStep(cfg, model, SIZE, batch_size=2)
    before = [p.clone() for p in model.parameters()]
    step()
    state = step.optim_wrapper.optimizer.state
    assert any(s['momentum_buffer'].any() for s in state.values())
    for old, new in zip(before, model.parameters()):
        assert (new - old).abs().max() < 1e-15


def test_the_batch_stays_as_it_is(tiny_seg):
    """A model gets a copy, down to its samples."""
    cfg, seen = load_config(tiny_seg), []
    model = training_model(cfg, SIZE)
    step = TrainingStep(cfg, model, SIZE, batch_size=2)
    model.train_step = lambda batch, _: seen.append(batch)
    step()
    for key, values in step.batch.items():
        for value, given in zip(values, seen[0][key]):
            assert value is not given


def test_synchronised_norms_become_plain(tiny_seg):
    cfg = load_config(tiny_seg)
    cfg.model.backbone.norm_cfg = dict(type='SyncBN')
    model = training_model(cfg, SIZE)
    assert model.training
    assert not any(
        isinstance(m, torch.nn.SyncBatchNorm) for m in model.modules())


@pytest.mark.parametrize('key', ['model', 'optim_wrapper', 'train_cfg'])
def test_a_config_that_trains_nothing(tiny_seg, key):
    cfg = load_config(tiny_seg)
    cfg.pop(key)
    with pytest.raises(UserError, match=f'has no `{key}`'):
        training_model(cfg, SIZE)


def test_an_argument_that_the_optimizer_has_not(tiny_seg):
    cfg = load_config(tiny_seg)
    cfg.optim_wrapper.optimizer.impulse = 0.9
    with pytest.raises(UserError, match='cannot build the optimizer.*impulse'):
        TrainingStep(cfg, training_model(cfg, SIZE), SIZE, 1)


def test_numbers():
    check_at_least_one(steps=1, size=2)
    with pytest.raises(UserError, match=r'--batch-size \(=0\) must be at l'):
        check_at_least_one(steps=1, batch_size=0)
