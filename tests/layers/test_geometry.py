"""Impossible arguments are told by name, value and rule."""
import numpy as np
import pytest

from mmrep.layers.geometry import check_geometry

GOOD = dict(in_channels=8, out_channels=4, kernel_size=(3, 5), groups=2)


def test_possible():
    check_geometry(**GOOD)
    check_geometry(**{**GOOD, 'kernel_size': np.int64(3)})


@pytest.mark.parametrize('name, value', [('kernel_size', (3, 0)),
                                         ('groups', 0), ('in_channels', -8),
                                         ('out_channels', 4.0)])
def test_not_a_positive_whole_number(name, value):
    with pytest.raises(ValueError) as error:
        check_geometry(**{**GOOD, name: value})
    assert f'`{name}` (={value})' in str(error.value)


@pytest.mark.parametrize('name', ['in_channels', 'out_channels'])
def test_groups(name):
    with pytest.raises(ValueError) as error:
        check_geometry(**{**GOOD, name: 6, 'groups': 4})
    assert str(error.value) == (f'`{name}` (=6) must be divisible by '
                                '`groups` (=4)')
