"""The times of events, against counting them one by one."""
import itertools

import pytest

from mmrep.dyrep.schedule import Schedule
from mmrep.errors import UserError


def events(schedule, epochs, length):
    """Return iterations with an event, and the number left before each."""
    found, left = [], []
    for i in range(epochs * length):
        left.append(schedule.left(i // length, i, i % length, length))
        if left[-1] == 0:
            found.append(i)
    return found, left


def counted(interval, stop, by_epoch, epochs, length):
    """Return them by counting: one after each ``interval`` until ``stop``."""
    found, done = [], 0
    for epoch, step in itertools.product(range(epochs), range(length)):
        if by_epoch and step < length - 1:
            continue
        done += 1
        if done % interval == 0 and done <= stop:
            found.append(epoch * length + step)
    return found


@pytest.mark.parametrize('by_epoch', [True, False])
@pytest.mark.parametrize('length', [1, 3, 7])
@pytest.mark.parametrize('epochs', [1, 5, 12])
def test_all_iterations(by_epoch, length, epochs):
    end = epochs if by_epoch else epochs * length
    for interval, stop in itertools.product([1, 2, 3, 5, 6], [1, 4, 6, 12]):
        if not interval <= stop <= end:
            continue
        schedule = Schedule(interval, by_epoch, stop)
        schedule.fit(True, epochs, epochs * length)
        found, left = events(schedule, epochs, length)
        assert found == counted(interval, stop, by_epoch, epochs, length)
        for i, distance in enumerate(left):
            coming = [e for e in found if e >= i]
            assert distance == (coming[0] - i if coming else None)


@pytest.mark.parametrize('by_epoch', [True, False])
@pytest.mark.parametrize('interval, stop', [(1, 4), (2, 6), (5, 11), (12, 24)])
def test_pauses(by_epoch, interval, stop):
    """Each epoch, or fifth of an interval, without an event ends in one."""
    schedule, length = Schedule(interval, by_epoch, stop), 3
    schedule.fit(True, 30, 30 * length)
    every = 1 if by_epoch else max(1, interval // 5)
    paused = counted(every, stop, by_epoch, 30, length)
    expected = set(paused) - set(counted(interval, stop, by_epoch, 30, length))
    assert {
        i
        for i in range(30 * length)
        if schedule.pauses(i // length, i, i % length, length)
    } == expected


@pytest.mark.parametrize('epochs, interval, stop', [(120, 5, 100),
                                                    (600, 25, 500),
                                                    (12, 1, 10), (1, 1, 1),
                                                    (2, 1, 1), (24, 1, 20),
                                                    (300, 12, 250)])
def test_defaults(epochs, interval, stop):
    schedule = Schedule(None, None, None)
    schedule.fit(True, epochs, 10 * epochs)
    assert schedule.by_epoch
    assert (schedule.interval, schedule.stop) == (interval, stop)


@pytest.mark.parametrize('end', [*range(1, 400), 90000, 160000])
def test_stop_is_five_sixths(end):
    schedule = Schedule(None, None, None)
    schedule.fit(False, None, end)
    assert not schedule.by_epoch
    assert schedule.stop == max(1, end * 5 // 6)
    assert 1 <= schedule.interval <= schedule.stop
    if end >= 24:
        assert 20 <= schedule.stop // schedule.interval < 40


def test_a_long_interval_has_one_event():
    schedule = Schedule(11, True, None)
    schedule.fit(True, 12, 24)
    assert events(schedule, 12, 2)[0] == [21]


def test_iterations_of_a_loop_of_epochs():
    schedule = Schedule(4, False, None)
    schedule.fit(True, 3, 15)
    assert schedule.stop == 12
    assert events(schedule, 3, 5)[0] == [3, 7, 11]


def test_a_loop_that_is_not_known_yet():
    schedule = Schedule(None, False, None)
    schedule.fit(True, 12, None)
    schedule.fit(True, 12, 1200)
    assert (schedule.interval, schedule.stop) == (50, 1000)


def test_fitting_again_changes_nothing():
    schedule = Schedule(None, None, None)
    for _ in range(2):
        schedule.fit(True, 120, 1200)
    assert (schedule.interval, schedule.stop) == (5, 100)


@pytest.mark.parametrize('value', [0, -1, 1.5, 2., '3', True, [1]])
@pytest.mark.parametrize('name', ['interval', 'stop'])
def test_impossible_numbers(name, value):
    arguments = dict(interval=None, by_epoch=None, stop=None)
    with pytest.raises(UserError, match=f'`{name}`.*at least 1'):
        Schedule(**{**arguments, name: value})


@pytest.mark.parametrize('interval, stop, wrong', [
    (13, None, 'interval'),
    (6, 5, 'interval'),
    (None, 13, 'stop'),
    (1, 13, 'stop'),
])
def test_never_an_event(interval, stop, wrong):
    with pytest.raises(UserError, match=f'`{wrong}`.*12|`{wrong}`.*5'):
        Schedule(interval, None, stop).fit(True, 12, 1200)


def test_epochs_in_a_loop_of_iterations():
    with pytest.raises(UserError, match='by_epoch.*must be False'):
        Schedule(None, True, None).fit(False, 12, 1200)
