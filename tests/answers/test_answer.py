"""The answer is a sentence for each net, with what limits it."""
import math
from dataclasses import replace

import pytest

from mmrep.answers.answer import METHOD, answers, failures, notes
from mmrep.answers.statistics import summaries

from .demo import AS_LONG, LONG, demo, expected, run, small


def of(comparison):
    return answers(summaries(comparison))


def test_sentences():
    """Differences of 1 and 3 have the interval 2 +- 12.7062."""
    found = of(small(dict(a={0: 10., 1: 12.}, b={0: 11., 1: 15.}, c={})))
    assert found == [
        'a (the baseline): 11.00 \u00b1 1.41 over 2 seeds',
        'b: no difference seen: +2.00 (\u221210.71 to +14.71) over 2 pairs of '
        'seeds; training takes 1.00 times as long',
        'c: no run has finished',
    ]


def test_few_seeds():
    one, other = of(small(dict(a={0: 10.}, b={0: 11., 1: 3.})))
    assert one == 'a (the baseline): 10.00 over 1 seed'
    assert other == ('b: too few seeds: +1.00 over 1 pair of seeds; training '
                     'takes 1.00 times as long')
    found = of(small(dict(a={0: 1.}, b={1: 1.})))
    assert found[1] == 'b: too few seeds: no seed that both have finished'


def test_equal_time():
    found = dict(zip(demo().nets, of(demo())))
    mean, low, high = expected(demo(), LONG, AS_LONG)
    assert (f'; against {AS_LONG}: better: {mean:+.2f} ({low:+.2f} to '
            f'{high:+.2f}) over 5 pairs') in found[LONG]
    assert found[AS_LONG].startswith(f'{AS_LONG}: better: +')


def test_notes():
    comparison = small(dict(a={0: 1.}, b={0: 2.}), notes=['A note.'])
    assert notes(comparison, summaries(comparison)) == [METHOD, 'A note.']
    assert 'paired t' in METHOD and '95 %' in METHOD


def test_many_nets_are_not_corrected_for():
    found = notes(demo(), summaries(demo()))
    assert 'There are 5 intervals and no correction' in found[1]
    assert found[2:] == demo().notes


def test_notes_of_odd_runs():
    nan = float('nan')
    comparison = small(dict(a={0: .7, 1: .8}, b={0: .6, 1: .7, 2: nan}))
    other = run('a', 5, device='NVIDIA A100')
    comparison.results[:] = [
        *(replace(r, device='cpu') for r in comparison.results), other
    ]
    _, width, left_out, devices = notes(comparison, summaries(comparison))
    assert width.startswith('All differences of b to a are equal')
    assert left_out == ('b, seed 2 is left out: its metric is no finite '
                        'number.')
    assert '(NVIDIA A100, cpu)' in devices


def test_failures():
    comparison = small(dict(a={}), failures={'a, seed 1': 'It ended.'})
    assert failures(comparison) == ['a, seed 1: It ended.']


def test_a_diverged_seed_is_told_with_the_verdict():
    values = dict(a={0: 1., 1: 2., 2: 3.}, b={0: 2., 1: math.nan, 2: 5.})
    _, second = answers(summaries(small(values)))
    assert second.startswith('b: 1 seed diverged and left out; ')


@pytest.mark.parametrize('seconds, told', [((10., 14.), False),
                                           ((10., 16.), True)])
def test_times_that_other_work_has_spoiled(seconds, told):
    comparison = small(dict(a={}))
    comparison.results[:] = [
        run('a', seed, 1., seconds=each) for seed, each in enumerate(seconds)
    ]
    text = ' '.join(notes(comparison, summaries(comparison)))
    assert ('trainings of a differ in time' in text) == told
