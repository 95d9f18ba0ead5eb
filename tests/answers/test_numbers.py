"""Numbers are rounded so that they say no more and no less."""
import pytest

from mmrep.answers.numbers import (count, decimals_of, difference, duration,
                                   millions, number, ratio, spread, unit_of)
from mmrep.answers.pairs import Against


@pytest.mark.parametrize('values, decimals', [([71.2, 9.8], 2), ([0.712], 4),
                                              ([0.0123], 5), ([1234.5], 0),
                                              ([99999.], 0), ([-10.], 2),
                                              ([1.], 3), ([0., None], 3),
                                              ([], 3)])
def test_four_digits(values, decimals):
    assert decimals_of(values) == decimals


def test_number():
    assert number(1.256, 2) == '1.26'
    assert number(1.256, 2, '+') == '+1.26'
    assert number(-1.256, 1, '+') == '\u22121.3'
    assert number(-0.001, 2, '+') == number(0., 2, '+') == '0.00'
    assert number(None, 2) == '\u2013'


def test_spread():
    assert spread(71.234, 0.456, 2) == '71.23 \u00b1 0.46'
    assert spread(71.234, None, 2) == '71.23'
    assert spread(None, None, 2) == '\u2013'


def test_difference():
    found = Against('a', [0, 1], 0.3, -0.94, 1.54)
    assert difference(found, 1) == ('+0.3', '\u22120.9', '+1.5')
    alone = Against('a', [0], 0.3)
    assert difference(alone, 1) == ('+0.3', '\u2013', '\u2013')


def test_an_end_beside_zero_does_not_look_like_zero():
    found = Against('a', [0, 1], 0.2, 0.0041, 0.3959)
    assert difference(found, 1) == ('+0.200', '+0.004', '+0.396')
    found = Against('a', [0, 1], 0., 0., 0.)
    assert difference(found, 1) == ('0.0', '0.0', '0.0')


def test_times():
    assert duration(12.34, unit_of([119, 3])) == '12.3 s'
    assert duration(90, unit_of([120, None])) == '1.50 min'
    assert duration(5400, unit_of([7200])) == '1.50 h'
    assert unit_of([]) == ('s', 1)
    assert duration(None, ('s', 1)) == '\u2013'


def test_others():
    assert ratio(2.104) == '2.10\u00d7' and ratio(None) == '\u2013'
    assert millions(1_234_567.) == '1.23 M' and millions(None) == '\u2013'
    assert [count(n, 'pair')
            for n in (0, 1, 2)] == ['0 pairs', '1 pair', '2 pairs']
