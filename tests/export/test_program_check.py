"""The comparison of a program notices differences."""
import io

import pytest
import torch
from torch import nn

from mmrep.errors import UserError
from mmrep.export.input_kinds import random_input
from mmrep.export.program_check import worst_of_shapes

SHAPE = (2, 3, 8, 8)


class Net(nn.Module):

    def forward(self, x):
        return (x.relu(), )


@pytest.fixture(scope='module')
def data():
    if not hasattr(getattr(torch.export, 'Dim', None), 'DYNAMIC'):
        pytest.skip('torch has no such export')
    file = io.BytesIO()
    torch.export.save(torch.export.export(Net(), (torch.ones(SHAPE), )), file)
    return file.getvalue()


def test_equal(data):
    assert worst_of_shapes(data, Net(), [SHAPE, SHAPE]) == 0


def test_different(data):
    worst = worst_of_shapes(data, lambda x: (1.001 * x.relu(), ), [SHAPE])
    assert worst == pytest.approx(1e-3, rel=0.01)
    for wrong in (lambda x: (x, x), lambda x: (x[..., :1], ), lambda x:
                  (x * torch.nan, )):
        assert worst_of_shapes(data, wrong, [SHAPE]) == float('inf')


def test_inputs_that_it_does_not_take(data):
    with pytest.raises(UserError, match='does not run on an input of'):
        worst_of_shapes(data, Net(), [SHAPE, (2, 3, 9, 8)])


def test_inputs_are_those_of_the_seed():
    assert random_input(SHAPE, 1).equal(random_input(SHAPE, 1))
    assert not random_input(SHAPE, 1).equal(random_input(SHAPE, 2))
