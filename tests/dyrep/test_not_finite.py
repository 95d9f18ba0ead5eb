"""An event that meets NaN or infinity leaves everything as it was."""
import copy
import math
import random

import numpy as np
import pytest
import torch
from torch import nn

from mmrep.dyrep import SEVEN, Evolution
from mmrep.dyrep.finite import NotFinite

from .nets import conv3x3, data_of, net_of, set_gammas
from .test_evolution import scored


@pytest.fixture
def grown():
    """Return a net with a block, one of its branches weak, and an average."""
    net = net_of(conv3x3())
    data = data_of(net, size=8)
    evolution = Evolution(net, scope=['pre', 'conv'])
    evolution.event(0, scored(evolution, data), data)
    average = copy.deepcopy(net)
    for model in (net, average):
        set_gammas(model.conv, **{**dict.fromkeys(SEVEN, 0.2), 'kx1': 1e-6})
    evolution.followers = [average]
    return evolution, data


def described(evolution):
    """Return all that must stay, the optimizer's parameters by identity."""
    models = [evolution.model, *evolution.followers]
    return (
        [[(n, id(p)) for n, p in m.named_parameters()] for m in models],
        [[(n, id(c), c.training) for n, c in m.named_modules()]
         for m in models],
        [{k: v.clone().nan_to_num(7.) for k, v in m.state_dict().items()}
         for m in models],
        copy.deepcopy(evolution.history),
        torch.get_rng_state(),
        np.random.get_state()[1],
        random.getstate(),
    )  # yapf: disable


def refused(evolution, scores, data, words):
    before = described(evolution)
    with pytest.raises(NotFinite, match=words) as error:
        evolution.event(1, scores, data)
    assert '\n' not in str(error.value)
    torch.testing.assert_close(
        described(evolution)[2], before[2], rtol=0, atol=0)
    after = described(evolution)
    for i in (0, 1, 3, 6):
        assert after[i] == before[i]
    assert torch.equal(after[4], before[4]) and (after[5] == before[5]).all()


def poison(net, name, value=math.nan):
    with torch.no_grad():
        net.state_dict()[name].view(-1)[0] = value


@pytest.mark.parametrize('value', [math.nan, math.inf])
@pytest.mark.parametrize('name', [
    'pre.weight', 'norm.running_var', 'conv.branches.1x1.norm.weight',
    'conv.weight', 'pre_norm.bias'
])
def test_weights(grown, name, value):
    evolution, data = grown
    scores = scored(evolution, data)
    poison(evolution.model, name, value)
    refused(evolution, scores, data, f"of the network, such as '{name}'")


def test_an_average(grown):
    evolution, data = grown
    scores = scored(evolution, data)
    poison(evolution.followers[0], 'pre.weight')
    refused(evolution, scores, data, "an average of .*'pre.weight'")


@pytest.mark.parametrize('batch, words', [(1, '^features of the last batch'),
                                          (0, '^statistics of the last')])
def test_images(grown, batch, words):
    """Images of any batch matter, as all are calibrated on."""
    evolution, data = grown
    scores = scored(evolution, data)
    data.batches[batch][0, 0, 0, 0] = math.inf
    refused(evolution, scores, data, words)


def test_images_of_growth_alone():
    """The convolution is already a block when it is calibrated."""
    net = net_of(conv3x3())
    data = data_of(net, size=8)
    evolution = Evolution(net, scope='conv')
    scores = scored(evolution, data)
    data.batches[0][0, 0, 0, 0] = math.nan
    refused(evolution, scores, data, '^statistics of the last')
    assert type(net.conv) is nn.Conv2d


@pytest.mark.parametrize('metric', ['snip', 'vote'])
def test_scores(grown, metric):
    """Scores fail after the cuts; one finite score would suffice."""
    evolution, data = grown
    evolution.metric = metric
    scores = scored(evolution, data)
    kept = scores.sums['snip'].clone()
    scores.sums['snip'].fill_(math.nan)
    refused(evolution, scores, data, '^scores of all')
    scores.sums['snip'][0] = kept[0]
    record = evolution.event(1, scores, data)
    assert record['cut'][0]['branches'] == ['kx1']
    assert record['grown'] == next(iter(scores.kernels))


def test_gradients_of_all_steps(grown):
    evolution, data = grown
    scores = evolution.new_scores()
    for weight in scores.kernels.values():
        weight.grad = torch.full_like(weight, math.inf)
    scores.add(torch.optim.SGD(evolution.model.parameters(), 0.1))
    for weight in scores.kernels.values():
        weight.grad = None
    refused(evolution, scores, data, '^scores of all')


def test_what_growth_makes():
    """Gammas that overflow are found after the growth."""
    net = net_of(conv3x3())
    data = data_of(net, size=8)
    evolution = Evolution(net, scope='conv', init_gamma=3e38)
    with torch.no_grad():
        net.pre_norm.weight *= 100
    refused(evolution, scored(evolution, data), data, 'are not finite')


def test_other_errors_take_it_back_too(grown):
    evolution, data = grown
    scores, before = scored(evolution, data), described(evolution)
    calls = []

    def features(x):
        calls.append(x)
        assert len(calls) < 5  # the fifth call comes after the growth
        return evolution.model(x)

    with pytest.raises(AssertionError):
        evolution.event(1, scores, data._replace(features=features))
    assert described(evolution)[:2] == before[:2]
    torch.testing.assert_close(
        described(evolution)[2], before[2], rtol=0, atol=0)


def test_it_can_go_on(grown):
    """The next event works if its batches are finite."""
    evolution, data = grown
    scores = scored(evolution, data)
    kept = data.batches[0].clone()
    data.batches[0].fill_(math.nan)
    refused(evolution, scores, data, 'not finite')
    data.batches[0].copy_(kept)
    assert evolution.event(1, scores, data)['cut']
