"""The course of an evolution, in a training without a Runner."""
import math

import pytest
import torch

from mmrep.cli import load_config
from mmrep.dyrep import Evolution
from mmrep.measure.training_step import TrainingStep, training_model
from mmrep.runner.course import Course

SIZE = (32, 32)


@pytest.fixture
def step(tiny_cls):
    cfg = load_config(tiny_cls)
    cfg.model.backbone.type = 'ResNet'
    return TrainingStep(cfg, training_model(cfg, SIZE), SIZE, 4)


def take(course, step, i, left):
    """Run an iteration as a hook sees it."""
    course.before_step(left, step.batch)
    kept = len(course.batches)
    step()
    return course.after_step(step, i, left), kept


def test_events_where_nothing_is_left(step):
    course = Course(Evolution(step.model, branches=['1x1']), 2)
    course.begin(step.optim_wrapper.optimizer)
    seen = [
        take(course, step, i, left)
        for i, left in enumerate([2, 1, 0, 2, 1, 0], 1)
    ]
    assert [kept for _, kept in seen] == [0, 1, 2, 0, 1, 2]
    records = [record for record, _ in seen if record]
    assert records == course.evolution.history
    assert [record['step'] for record in records] == [3, 6]
    assert course.scores.steps == 0 and course.handle is not None
    take(course, step, 7, None)
    assert course.handle is None and course.scores.steps == 0
    known = {
        p
        for group in step.optim_wrapper.optimizer.param_groups
        for p in group['params']
    }
    assert known == set(step.model.parameters())


def test_what_is_not_finite_ends_it(step):
    course = Course(Evolution(step.model, branches=['1x1']), 1)
    course.begin(step.optim_wrapper.optimizer)
    with torch.no_grad():
        step.model.backbone.conv1.weight.fill_(math.nan)
    assert take(course, step, 5, 0) == (None, 1)
    assert 'at iteration 5' in course.stopped and not course.due
    assert 'not finite' in course.stopped and not course.batches
