"""Tests of mmrep/cli/dyrep.py."""
import copy

import pytest
from mmengine.config import Config

from mmrep.cli import UserError
from mmrep.cli.dyrep import due_steps, hook_of
from mmrep.dyrep.schedule import Schedule
from mmrep.hooks import DyRepHook


@pytest.mark.parametrize('schedule, train_cfg, steps, due', [
    (dict(), dict(type='EpochBasedTrainLoop',
                  max_epochs=12), 24, range(2, 22, 2)),
    (dict(), dict(by_epoch=True, max_epochs=12), 12, range(1, 11)),
    (dict(interval=3, stop=12), dict(type='IterBasedTrainLoop',
                                     max_iters=16), 32, [6, 12, 18, 24]),
    (dict(interval=2, stop=4), dict(by_epoch=False, max_iters=10), 5, [1, 2]),
    (dict(interval=1, stop=1), dict(max_epochs=1), 7, [7]),
])
def test_events_as_far_in_the_run(schedule, train_cfg, steps, due):
    schedule = Schedule(**{
        **dict(interval=None, by_epoch=None, stop=None),
        **schedule
    })
    before = copy.deepcopy(vars(schedule))
    assert due_steps(schedule, train_cfg, steps) == list(due)
    assert vars(schedule) == before


def test_as_many_events_as_the_training():
    """20 events, every 3333 of 80000 iterations, need at least 25 steps."""
    train_cfg = dict(type='IterBasedTrainLoop', max_iters=80000)
    due = due_steps(Schedule(None, None, None), train_cfg, 25)
    assert len(set(due)) == 20 and max(due) == 20
    with pytest.raises(
            UserError, match=r'\(=24\) must be at least 25: the 20'):
        due_steps(Schedule(None, None, None), train_cfg, 24)


def test_iterations_that_the_data_would_tell():
    with pytest.raises(UserError, match=r'`by_epoch` \(=False\)'):
        due_steps(
            Schedule(5, False, 10),
            dict(type='EpochBasedTrainLoop', max_epochs=2), 50)


def test_hook_of_the_config():
    hooks = [
        dict(type='EMAHook'),
        dict(type='mmengine.DyRepHook', max_depth=1, priority='LOW')
    ]
    assert hook_of(Config(dict(custom_hooks=hooks))).method['max_depth'] == 1
    hooks = [dict(type=DyRepHook, metric='random')]
    assert hook_of(dict(custom_hooks=hooks)).method['metric'] == 'random'


@pytest.mark.parametrize('hooks', [None, [], [dict(type='EMAHook')]])
def test_no_hook(hooks):
    assert hook_of(Config(dict(custom_hooks=hooks))) is None


def test_hook_with_an_unknown_argument():
    cfg = Config(dict(custom_hooks=[dict(type='DyRepHook', deepness=1)]))
    with pytest.raises(UserError, match='cannot be built.*deepness'):
        hook_of(cfg)
