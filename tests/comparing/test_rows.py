"""The table has a row for each net, with columns that have something."""
from mmrep.comparing.rows import (DEPLOYED, DIFFERENCE, EQUAL_TIME,
                                  EQUAL_VERDICT, LATENCY, MEMORY, NET,
                                  PARAMETERS, RATIO, SEEDS, TRAINING, VERDICT,
                                  rows_of)
from mmrep.comparing.statistics import summaries

from .demo import AS_LONG, LONG, SINGLE, demo, small

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
    assert found[LONG][EQUAL_TIME].startswith('+0.53 [')
    assert found[LONG][EQUAL_VERDICT] == 'better'
    assert found[AS_LONG][EQUAL_TIME] == DASH
    assert found[AS_LONG][RATIO] == '2.04\u00d7'
    assert found[AS_LONG][PARAMETERS] == found[AS_LONG][DEPLOYED] == '0.70 M'


def test_too_little_is_shown_as_a_dash():
    assert of(demo())[SINGLE][DIFFERENCE] == '+1.17'
    row = of(small(dict(a={0: 1.}, b={})))['b']
    assert row.pop(VERDICT) == 'too few seeds' and row.pop(SEEDS) == '0'
    assert row.pop(NET) == 'b' and set(row.values()) == {DASH}
