"""Arguments that must be whole numbers, of Python or of numpy."""
import numpy as np
import pytest

from mmrep.arguments import check_whole
from mmrep.errors import UserError


@pytest.mark.parametrize('value, limits', [
    (0, {}),
    (-10**30, {}),
    (np.int64(3), {}),
    (1, dict(least=1)),
    (np.uint8(2), dict(least=2)),
    (-1, dict(least=-1)),
    (5, dict(least=0, most=5)),
])
def test_whole_numbers(value, limits):
    check_whole('n', value, **limits)


@pytest.mark.parametrize('value', [
    True, 1.0,
    np.float64(1),
    np.bool_(True), '1', None, [],
    float('nan'), 1j
])
def test_others(value):
    with pytest.raises(UserError, match='^`n` .* must be a whole number$'):
        check_whole('n', value)


@pytest.mark.parametrize('value, limits, rule', [
    (0, dict(least=1), 'at least 1'),
    (True, dict(least=1), 'at least 1'),
    (np.int64(0), dict(least=1), 'at least 1'),
    (6, dict(least=0, most=5), 'at most 5'),
    (10**30, dict(least=0), 'at most 9223372036854775807'),
])
def test_limits(value, limits, rule):
    with pytest.raises(UserError, match=f'must be a whole number, {rule}$'):
        check_whole('n', value, **limits)
