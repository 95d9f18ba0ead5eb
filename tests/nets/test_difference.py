import math

import pytest
import torch

from mmrep.nets.difference import relative_difference


@pytest.mark.parametrize('a, b, expected', [
    ([1., -4.], [3., -4.], 2 / 4),
    ([0., 0.], [0., 0.], 0),
    ([1., 2.], [1., math.nan], math.inf),
    ([1., math.inf], [1., math.inf], math.inf),
])
def test_differences(a, b, expected):
    found = relative_difference(torch.tensor(a), torch.tensor(b))
    assert found == pytest.approx(expected)
