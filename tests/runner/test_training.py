"""The parts that follow a model, in a Runner and without one."""
from typing import get_type_hints

import pytest
from mmengine.runner import Runner
from torch import nn

from mmrep.cli import load_config
from mmrep.measure.training_step import TrainingStep, training_model
from mmrep.runner.refreshing import refresh
from mmrep.runner.training import Training, averages, inner_model, models

MEMBERS = sorted(get_type_hints(Training))


@pytest.fixture(scope='module')
def step(tiny_cls):
    cfg = load_config(tiny_cls)
    return TrainingStep(cfg, training_model(cfg, (32, 32)), (32, 32), 2)


def test_a_runner_has_the_members():
    made = set(Runner.__init__.__code__.co_names) | set(dir(Runner))
    assert set(MEMBERS) <= made


def test_a_training_step_has_the_members(step):
    assert all(hasattr(step, name) for name in MEMBERS)
    assert Training in TrainingStep.__mro__
    assert models(step) == [step.model] == [inner_model(step)]
    assert not list(averages(step))


def test_the_members_are_enough(step):
    """A plain object with these members suffices."""

    class Plain:
        pass

    plain, optimizer = Plain(), step.optim_wrapper.optimizer
    for name in MEMBERS:
        setattr(plain, name, getattr(step, name))
    step.model.extra = nn.Conv2d(2, 2, 1)
    try:
        refresh(plain)
        known = {p for group in optimizer.param_groups
                 for p in group['params']}  # yapf: disable
        assert known == set(step.model.parameters())
    finally:
        del step.model.extra
