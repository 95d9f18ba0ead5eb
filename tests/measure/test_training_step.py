"""A config's training step on random images."""
import copy
import itertools

import pytest
import torch

from mmrep.cli import UserError, load_config
from mmrep.measure import timing
from mmrep.measure.training_step import TrainingStep, training_model

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


# timing


@pytest.fixture
def clocked(tiny_cls, monkeypatch):
    """A step: forward takes 1 s, backward 2 s, clipping and optimizer 7 s."""
    cfg, clock = load_config(tiny_cls), [0.0]
    cfg.optim_wrapper.clip_grad = dict(max_norm=1)
    model = training_model(cfg, SIZE)
    step = TrainingStep(cfg, model, SIZE, batch_size=2)

    def takes(seconds, call=lambda value: value):

        def slow(*args, **kwargs):
            clock[0] += seconds
            return call(*args, **kwargs)

        return slow

    wrapper = step.optim_wrapper
    model.forward = takes(1, model.forward)
    model.head.fc.bias.register_hook(takes(2))
    wrapper.optimizer.step = takes(4, wrapper.optimizer.step)
    wrapper.clip_func = takes(3, wrapper.clip_func)
    monkeypatch.setattr(timing.time, 'perf_counter', lambda: clock[0])
    return step


def test_parts_of_a_step(clocked):
    assert clocked.timed() == (1, 2, 7)


def test_all_that_takes_time_is_in_a_part(clocked, monkeypatch):
    ticks = itertools.count()
    monkeypatch.setattr(timing.time, 'perf_counter', lambda: next(ticks))
    assert sum(clocked.timed()) == 3


def test_several_losses(clocked):
    train_step = clocked.model.train_step

    def twice(batch, optim_wrapper):
        train_step(copy.deepcopy(batch), optim_wrapper)
        return train_step(batch, optim_wrapper)

    clocked.model.train_step = twice
    forward, backward, optimizer = clocked.timed()
    assert (backward, optimizer) == (4, 7) and forward == 1 + 7 + 1


def test_a_timed_step_is_a_step(cfg):
    """It makes the same gradients and leaves the wrapper unchanged."""
    model = training_model(cfg, SIZE)
    momenta = []
    for each in (copy.deepcopy(model), model):
        step = TrainingStep(cfg, each, SIZE, batch_size=2)
        torch.manual_seed(0)
        step() if each is model else step.timed()
        assert 'backward' not in vars(step.optim_wrapper)
        state = step.optim_wrapper.optimizer.state
        momenta.append([s['momentum_buffer'] for s in state.values()])
    assert any(momentum.any() for momentum in momenta[0])
    for timed, plain in zip(*momenta):
        torch.testing.assert_close(timed, plain)


def test_a_timed_step_that_fails(tiny_seg):
    cfg = load_config(tiny_seg)
    cfg.model.decode_head.in_channels = 7
    step = TrainingStep(cfg, training_model(cfg, SIZE), SIZE, 1)
    with pytest.raises(UserError, match='takes no training step'):
        step.timed()
    assert 'backward' not in vars(step.optim_wrapper)
