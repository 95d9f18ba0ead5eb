"""Timing in turn."""
import pytest
import torch

from mmrep.measure import timing


@pytest.fixture
def clock(monkeypatch):
    """The present time in seconds, in a list."""
    clock = [0.0]
    monkeypatch.setattr(timing.time, 'perf_counter', lambda: clock[0])
    return clock


def test_alternates_after_a_warm_up(clock):
    calls, shown = [], []
    seconds = dict(a=[100, 1, 2, 9], b=[200, 5, 5, 4])

    def call(name):
        clock[0] += seconds[name][calls.count(name)]
        calls.append(name)

    medians = timing.alternate([lambda: call('a'), lambda: call('b')], 3,
                               lambda: shown.append(1))
    assert calls == ['a', 'b'] * 4 and len(shown) == 8
    assert medians == [2, 5]


def test_laps_of_another_quantity():
    counts = iter([3, 5, 12])
    laps = timing.Laps(lambda: next(counts))
    laps.lap()
    laps.lap()
    assert laps.seconds == (2, 7)


def test_laps(clock, monkeypatch):
    """Work on the GPU belongs to the lap in which it began."""
    running = [0.0]

    def synchronize():
        clock[0] += running[0]
        running[0] = 0

    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'synchronize', synchronize)
    running[0] = 7  # work of before
    laps = timing.Laps()
    clock[0] += 1
    running[0] = 2
    laps.lap()
    clock[0] += 4
    laps.lap()
    assert laps.seconds == (3, 4)


def test_parts_in_turn():
    parts = dict(
        a=iter([(9, 9), (1, 2), (3, 4)]), b=iter([(9, ), (5, ), (6, )]))
    shown = []
    found = timing.in_turn(
        [lambda: next(parts['a']), lambda: next(parts['b'])], 2,
        lambda: shown.append(1))
    assert found == [[(1, 2), (3, 4)], [(5, ), (6, )]] and len(shown) == 6


def test_the_median_has_its_own_parts():
    odd = [(5, 1), (1, 1), (2, 6)]
    assert timing.median(odd) == (5, 1)
    assert timing.median([*odd, (9, 9)]) == (5, 1)


def test_seconds_of_a_call(monkeypatch):
    clock = iter([3.0, 5.5])
    monkeypatch.setattr(timing.time, 'perf_counter', lambda: next(clock))
    assert timing.timed(lambda: None) == (2.5, )
