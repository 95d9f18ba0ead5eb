"""Moments and schedulers that fit the training of a config, or do not."""
import pytest

from mmrep.checkpoints.resume_schedule import check_moment, check_schedulers
from mmrep.errors import UserError

ONE = dict(type='LinearLR', by_epoch=False)


def test_moments():
    for train_cfg in (dict(max_iters=5), dict(max_epochs=2), {}):
        check_moment(dict(epoch=2, iter=5), train_cfg)
    for meta, name in ((dict(epoch=0, iter=6), 'max_iters'),
                       (dict(epoch=10**9, iter=0), 'max_epochs')):
        with pytest.raises(UserError, match=f'after the end.*{name}'):
            check_moment(meta, dict(max_iters=5, max_epochs=2))


def file(*steps):
    return dict(
        meta=dict(epoch=0, iter=2),
        param_schedulers=[dict(last_step=step) for step in steps])


@pytest.mark.parametrize('config, steps', [(None, ()), ([], ()), (ONE, (2, )),
                                           ([ONE, ONE], (0, -1)),
                                           ([dict(last_step=9)], (12, ))])
def test_its_own(config, steps):
    check_schedulers(file(*steps), config)
    check_schedulers(dict(meta=dict(epoch=0, iter=2)), config)


@pytest.mark.parametrize('config, steps, message',
                         [(None, (2, ), 'has 1 schedulers'),
                          (ONE, (), 'has 0 schedulers.* has 1'),
                          ([ONE, ONE], (2, ), 'has 1 schedulers.* has 2'),
                          (ONE, (-2, ), 'last_step'),
                          (ONE, (10**9, ), 'last_step')])
def test_others(config, steps, message):
    with pytest.raises(UserError, match=message):
        check_schedulers(file(*steps), config)


def test_by_names():
    whole = file(1)
    whole['param_schedulers'] = dict(a=whole['param_schedulers'])
    check_schedulers(whole, ONE)
    check_schedulers(whole, dict(a=ONE))
    with pytest.raises(UserError, match='has 1 schedulers'):
        check_schedulers(whole, dict(b=ONE))
