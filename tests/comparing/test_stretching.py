"""Longer trainings follow the same course."""
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.registry import PARAM_SCHEDULERS

from mmrep.comparing.stretching import length_key, stretched
from mmrep.errors import UserError

SCHEDULES = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=20),
    dict(type='MultiStepLR', by_epoch=False, milestones=[40, 60], gamma=0.1),
    dict(
        type='CosineAnnealingLR',
        by_epoch=False,
        begin=20,
        end=100,
        T_max=80,
        eta_min=1e-3),
]


def course_of(schedules, steps):
    """Return the learning rate before each step."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 1.)
    wrapper = OptimWrapper(optimizer)
    built = [
        PARAM_SCHEDULERS.build(s, default_args=dict(optimizer=wrapper))
        for s in schedules
    ]
    course = []
    for _ in range(steps):
        course.append(optimizer.param_groups[0]['lr'])
        wrapper.step()
        for schedule in built:
            schedule.step()
    return torch.tensor(course)


def config_of(schedules, **train_cfg):
    return Config(dict(train_cfg=train_cfg, param_scheduler=schedules))


@pytest.mark.parametrize('schedules', [SCHEDULES[:2], SCHEDULES[::2]])
def test_the_course_is_the_same(schedules):
    cfg = config_of(schedules, max_iters=100)
    longer = stretched(cfg, 3.)
    assert longer.train_cfg.max_iters == 300
    assert cfg.train_cfg.max_iters == 100  # the config stays as it is
    before = course_of(cfg.to_dict()['param_scheduler'], 100)
    after = course_of(longer.to_dict()['param_scheduler'], 300)
    torch.testing.assert_close(after[::3], before, atol=0.035, rtol=0.)
    torch.testing.assert_close(after[-1], before[-1], atol=2e-3, rtol=0.)
    assert not torch.allclose(after[:100], before, atol=0.1)


def test_epochs_are_rounded_and_schedules_follow():
    schedule = dict(type='StepLR', step_size=4, by_epoch=True)
    longer = stretched(config_of([schedule], max_epochs=10), 1.26)
    assert longer.train_cfg.max_epochs == 13
    assert longer.param_scheduler[0].step_size == 5  # 4 x 1.3


def test_what_is_no_moment_stays():
    schedule = dict(type='PolyLR', power=0.9, eta_min=1e-4, begin=0, end=10**9)
    longer = stretched(config_of(schedule, max_iters=10), 2.)
    assert longer.param_scheduler == schedule


def test_schedules_of_several_optimizers():
    schedules = dict(a=[dict(end=10)], b=dict(milestones=[3, 5]))
    longer = stretched(config_of(schedules, max_iters=10), 2.)
    assert longer.param_scheduler == dict(
        a=[dict(end=20)], b=dict(milestones=[6, 10]))


def test_a_decay_at_each_step():
    schedules = [dict(type='ExponentialLR', by_epoch=False, gamma=0.97)]
    longer = stretched(config_of(schedules, max_iters=40), 2.5)
    before = course_of(schedules, 40)
    after = course_of(longer.to_dict()['param_scheduler'], 100)
    torch.testing.assert_close(after[::5], before[::2], rtol=1e-5, atol=0.)


def test_no_schedule():
    cfg = Config(dict(train_cfg=dict(max_iters=10)))
    assert stretched(cfg, 2.).train_cfg.max_iters == 20


def test_a_training_without_length_is_refused():
    with pytest.raises(UserError, match='neither max_iters nor max_epochs'):
        length_key(Config(dict(train_cfg=dict(type='Loop'))))
