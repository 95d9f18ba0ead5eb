"""Values that are not finite are found, in any tensor and process."""
import copy
import math

import pytest
import torch
from torch import nn

from mmrep.dyrep import finite
from mmrep.dyrep.finite import NotFinite, check_finite, check_weights
from mmrep.errors import UserError


@pytest.mark.parametrize('value', [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize('dtype', [torch.half, torch.bfloat16, torch.double])
def test_one_of_many(value, dtype):
    tensors = [torch.ones(3, dtype=dtype), torch.ones(2, 2, dtype=dtype)]
    check_finite('numbers', tensors)
    tensors[1][1, 0] = value
    with pytest.raises(NotFinite, match='^numbers are not finite'):
        check_finite('numbers', tensors)
    with pytest.raises(NotFinite, match="numbers, such as 'b', are not"):
        check_finite('numbers', tensors, ['a', 'b'])


def test_other_kinds_are_finite():
    check_finite('numbers', [torch.tensor(3), torch.tensor([True])])
    check_finite('numbers', [])


@pytest.mark.parametrize('name', ['0.weight', '1.running_var', '1.bias'])
def test_weights_and_statistics(name):
    net = nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2))
    average = copy.deepcopy(net)
    check_weights([net, average])
    with torch.no_grad():
        average.state_dict()[name].fill_(math.nan)
    with pytest.raises(UserError, match=f"an average of.*'{name}'"):
        check_weights([net, average])
    with pytest.raises(UserError, match=f"of the network.*'{name}'"):
        check_weights([average, net])


def test_another_process_has_it(monkeypatch):
    """All processes stop, since they would wait for each other otherwise."""
    monkeypatch.setattr(finite, 'all_reduce', lambda flag, op: flag.fill_(1.))
    with pytest.raises(NotFinite, match='^numbers are not'):
        check_finite('numbers', [torch.ones(1)], ['a'])
