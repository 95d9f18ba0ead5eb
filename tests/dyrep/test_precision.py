"""DyRep needs no float64 on a device that has none."""
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from mmrep.dyrep import calibration, grasp, precision, scoring
from mmrep.dyrep.precision import widest

from .nets import block, evolved


def test_by_device():
    assert widest('cpu') == widest('cuda:1') == torch.float64
    assert widest(torch.device('cuda')) == torch.float64
    assert widest('mps') == widest('mps:0') == torch.float32
    assert widest(torch.device('mps')) == torch.float32


class NoDouble(TorchDispatchMode):
    """A device that has no float64."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        for value in tree_flatten(out)[0]:
            if isinstance(value, torch.Tensor):
                assert value.dtype != torch.double, function
        return out


@pytest.fixture
def as_mps(monkeypatch):
    monkeypatch.setattr(precision, 'WITHOUT_DOUBLE', ('cpu', ))


def measured(net, data):
    x = data.batches[0].new_ones(4, 8, 6, 6)
    x += torch.arange(4.)[:, None, None, None]
    layer = block(net)
    (mean, var), = calibration.measure(layer, [layer.norm], [x]).values()
    return torch.stack([mean, var])


def scored(net, data):
    scores = scoring.Scores({'conv': net.conv.weight}, scoring.BY_STEP)
    data.run(data.batches[0]).backward()
    scores.add(torch.optim.SGD(net.parameters(), 0.1))
    scores.load_state_dict(scores.state_dict())
    return torch.tensor([m['conv'] for m in scores.means().values()])


def moved(net, data):
    kernels = dict(conv=net.conv.weight)
    found = grasp.grasp(net, kernels, data.batches, data.run)
    return torch.tensor(found['conv'])


@pytest.mark.parametrize('what', [measured, scored, moved])
def test_the_same_without_float64(what, as_mps, monkeypatch):
    net, data, _ = evolved(size=8)
    with NoDouble():
        found = what(net, data)
    monkeypatch.undo()
    torch.testing.assert_close(
        found, what(*evolved(size=8)[:2]), rtol=1e-4, atol=1e-6)


def test_sums_of_a_device_with_float64():
    net, data, _ = evolved(size=8)
    scores = scoring.Scores({'conv': net.conv.weight}, ['snip'])
    state = scores.state_dict()
    assert state['sums']['snip'].dtype == torch.double
    precision_before = precision.WITHOUT_DOUBLE
    try:
        precision.WITHOUT_DOUBLE = ('cpu', )
        narrow = scoring.Scores({'conv': net.conv.weight}, ['snip'])
    finally:
        precision.WITHOUT_DOUBLE = precision_before
    state['sums']['snip'].fill_(3)
    narrow.load_state_dict(state)
    assert narrow.sums['snip'].dtype == torch.float
    assert narrow.sums['snip'].item() == 3
