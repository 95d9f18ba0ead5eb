"""Timing in turn."""
from mmrep import timing


def test_alternates_after_a_warm_up(monkeypatch):
    clock, calls, shown = [0.0], [], []
    monkeypatch.setattr(timing.time, 'perf_counter', lambda: clock[0])
    seconds = dict(a=[100, 1, 2, 9], b=[200, 5, 5, 4])

    def call(name):
        clock[0] += seconds[name][calls.count(name)]
        calls.append(name)

    medians = timing.alternate([lambda: call('a'), lambda: call('b')], 3,
                               lambda: shown.append(1))
    assert calls == ['a', 'b'] * 4 and len(shown) == 8
    assert medians == [2, 5]
