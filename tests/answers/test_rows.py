"""The table has a row for each net, with columns that have something."""
from mmrep.answers.rows import (DEPLOYED, DIFFERENCE, EQUAL_TIME,
                                EQUAL_VERDICT, LATENCY, MEMORY, NET,
                                PARAMETERS, RATIO, SEEDS, TRAINING, VERDICT,
                                rows_of)
from mmrep.answers.statistics import summaries

from .demo import AS_LONG, BASELINE, LONG, SINGLE, demo, expected, small

DASH = '\u2013'


def of(comparison):
    return {
        row[NET]: row
        for row in rows_of(comparison, summaries(comparison))
    }


def test_rows():
    found = of(
        small(
            dict(a={
                0: 10.,
                1: 12.
            }, b={
                0: 11.,
                1: 15.
            }),
            latency=dict(b=0.0012)))
    assert found['a'] == {
        NET: 'a',
        SEEDS: '2',
        'mIoU': '11.00 \u00b1 1.41',
        DIFFERENCE: DASH,
        VERDICT: DASH,
        TRAINING: '100.0 s',
        RATIO: '1.00\u00d7',
        MEMORY: '50 MiB',
        PARAMETERS: '0.00 M',
        DEPLOYED: '0.00 M',
        LATENCY: DASH,
    }
    b = found['b']
    assert b[DIFFERENCE] == '+2.00 [\u221210.71, +14.71]'
    assert b[VERDICT] == 'no difference seen' and b[LATENCY] == '1.200 ms'


def test_equal_time_has_columns_of_its_own():
    found = of(demo())
    assert list(found) == demo().nets
    mean, low, high = expected(demo(), LONG, AS_LONG)
    assert found[LONG][EQUAL_TIME] == f'{mean:+.2f} [{low:+.2f}, {high:+.2f}]'
    assert found[LONG][EQUAL_VERDICT] == 'better'
    assert found[AS_LONG][EQUAL_TIME] == DASH
    assert found[AS_LONG][RATIO].startswith('2.0')
    assert found[AS_LONG][PARAMETERS] == found[AS_LONG][DEPLOYED] == '0.70 M'


def test_too_little_is_shown_as_a_dash():
    one, base = (demo().of(net)[0].metrics for net in (SINGLE, BASELINE))
    difference = one['mIoU'] - base['mIoU']
    assert of(demo())[SINGLE][DIFFERENCE] == f'{difference:+.2f}'
    row = of(small(dict(a={0: 1.}, b={})))['b']
    assert row.pop(VERDICT) == 'too few seeds' and row.pop(SEEDS) == '0'
    assert row.pop(NET) == 'b' and set(row.values()) == {DASH}
