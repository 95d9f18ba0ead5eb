"""The cost of a net that evolves is that of its branches."""
import pytest
import torch

import mmrep
from mmrep.cli import UserError, load_config
from mmrep.dyrep.schedule import Schedule
from mmrep.hooks import DyRepHook
from mmrep.measure.evolving import evolving_steps, moments_of
from mmrep.measure.training_step import training_model

SIZE = (32, 32)
EPOCHS = dict(by_epoch=True, max_epochs=120)


@pytest.mark.parametrize('options, train_cfg, half, end', [
    ((5, None, 100), EPOCHS, 12, 20),
    ((5, None, 40), EPOCHS, 8, 8),
    ((100, None, 100), EPOCHS, 0, 1),
    ((3, None, 9), dict(type='IterBasedTrainLoop', max_iters=12), 2, 3),
])
def test_moments(options, train_cfg, half, end):
    assert moments_of(Schedule(*options), train_cfg) == {
        'half-way': half,
        'at the end': end
    }


def test_no_length():
    with pytest.raises(UserError, match='the data alone says'):
        moments_of(Schedule(5, False, 100), EPOCHS)


@pytest.fixture
def cfg(plain):
    cfg = load_config(plain)
    cfg.train_cfg.max_iters = 12
    return cfg


def evolved(cfg, **options):
    """The model, its steps and the calls of the progress."""
    model, told = training_model(cfg, SIZE), []
    found = evolving_steps(cfg, model, DyRepHook(interval=3, **options), SIZE,
                           2, lambda *args: told.append(args))
    return model, found, told


def blocks_in(model):
    """Count the blocks: one for each event, some inside others."""
    return sum(isinstance(m, mmrep.BranchedConv2d) for m in model.modules())


def test_what_has_grown(cfg):
    model, found, told = evolved(cfg, stop=9)
    assert [moment for moment, _ in found] == ['half-way', 'at the end']
    (_, half), (_, end) = found
    assert half.model is not model
    assert (blocks_in(half.model), blocks_in(end.model)) == (2, 3)
    assert told == [(0, 3), (1, 3), (2, 3)]
    for _, step in found:
        known = step.optim_wrapper.optimizer.param_groups[0]['params']
        assert set(known) == set(step.model.parameters())
        before = [p.detach().clone() for p in step.model.parameters()]
        step()
        for old, new in zip(before, step.model.parameters()):
            torch.testing.assert_close(old, new)


def test_nothing_has_grown_half_way(cfg):
    """The first event comes later."""
    cfg.train_cfg.max_iters = 5
    _, found, _ = evolved(cfg)
    assert [blocks_in(step.model) for _, step in found] == [0, 1]


def test_nothing_can_grow(cfg):
    with pytest.raises(UserError, match='`scope`'):
        evolved(cfg, scope='neck')
