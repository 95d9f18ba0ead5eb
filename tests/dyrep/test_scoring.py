"""The scores of kernels, against formulas written out."""
import copy
import math

import pytest
import torch
from torch import nn

from mmrep.dyrep.scoring import (METRICS, VOTERS, Scores, check_metric, elect,
                                 needed)
from mmrep.errors import UserError

from .nets import conv3x3, net_of

ALL = ('synflow', 'snip', 'grad_norm')


def kernels(count=3):
    torch.manual_seed(0)
    return {f'k{i}': nn.Parameter(torch.randn(4, 3, 3)) for i in range(count)}


def with_gradients(weights, seed=0):
    generator = torch.Generator().manual_seed(seed)
    for weight in weights.values():
        weight.grad = torch.randn(weight.shape, generator=generator)
    return torch.optim.SGD(weights.values(), lr=0.1)


def by_hand(metric, weight, grad):
    pairs = list(zip(weight.flatten().tolist(), grad.flatten().tolist()))
    if metric == 'synflow':
        return sum(w * g for w, g in pairs)
    if metric == 'snip':
        return sum(abs(w * g) for w, g in pairs)
    return math.sqrt(sum(g * g for _, g in pairs))


@pytest.mark.parametrize('metric', ALL)
def test_means_over_steps(metric):
    weights = kernels()
    scores, expected = Scores(weights, [metric]), dict.fromkeys(weights, 0)
    for step in range(3):
        scores.add(with_gradients(weights, step))
        for name, weight in weights.items():
            expected[name] += by_hand(metric, weight, weight.grad) / 3
    assert scores.means()[metric] == pytest.approx(expected, rel=1e-5)


def test_it_runs_before_the_step():
    """The pre-hook of the step sees the gradients."""
    weights = kernels(1)
    scores = Scores(weights, ['snip'])
    sgd = with_gradients(weights)
    sgd.register_step_pre_hook(lambda optimizer, *_: scores.add(optimizer))
    before = by_hand('snip', weights['k0'].detach().clone(),
                     weights['k0'].grad)
    sgd.step()
    sgd.zero_grad()
    assert scores.means()['snip']['k0'] == pytest.approx(before, rel=1e-5)


def test_no_gradient_is_zero():
    weights = kernels()
    scores, sgd = Scores(weights, ALL), with_gradients(weights)
    weights['k1'].grad = None
    scores.add(sgd)
    for values in scores.means().values():
        assert values['k1'] == 0 != values['k0']


@pytest.mark.parametrize('metric', ALL)
def test_fused_optimizers_unscale_within_the_step(metric):
    weights = kernels()
    plain, scaled = Scores(weights, [metric]), Scores(weights, [metric])
    sgd = with_gradients(weights)
    plain.add(sgd)
    for weight in weights.values():
        weight.grad *= 1024
    sgd.grad_scale, sgd.found_inf = torch.tensor(1024.), torch.tensor(0.)
    scaled.add(sgd)
    assert scaled.means()[metric] == pytest.approx(plain.means()[metric])


def test_a_step_that_overflowed_does_not_count():
    weights = kernels()
    once, twice = Scores(weights, ALL), Scores(weights, ALL)
    sgd = with_gradients(weights)
    once.add(sgd)
    twice.add(sgd)
    weights['k0'].grad.fill_(math.inf)
    weights['k1'].grad *= 1e6
    sgd.grad_scale, sgd.found_inf = torch.tensor(1.), torch.tensor(2.)
    twice.add(sgd)
    assert twice.means() == once.means()


def test_what_is_not_finite_is_left_out():
    weights = kernels()
    scores, sgd = Scores(weights, ALL), with_gradients(weights)
    weights['k0'].grad[0, 0, 0] = math.nan
    scores.add(sgd)
    for values in scores.means().values():
        assert all(math.isfinite(value) for value in values.values())
        assert values['k1'] != 0


def test_half_precision_does_not_overflow():
    weight = nn.Parameter(torch.full((64, 64, 3, 3), 100.).half())
    weight.grad = torch.full_like(weight, 100.)
    scores = Scores({'a': weight}, ['snip'])
    scores.add(torch.optim.SGD([weight], 0.1))
    assert scores.means()['snip']['a'] == 64 * 64 * 9 * 1e4


@pytest.mark.parametrize('train', [True, False])
def test_synflow_is_nothing_before_a_norm_that_trains(train):
    """The loss hardly depends on the scale of the kernel there."""
    net = net_of(conv3x3())
    net.norm.train(train)
    net(torch.randn(4, 3, 16, 16)).square().mean().backward()
    scores = Scores({'conv': net.conv.weight}, ['synflow', 'snip'])
    scores.add(torch.optim.SGD(net.parameters(), 0.1))
    found = scores.means()
    ratio = abs(found['synflow']['conv']) / found['snip']['conv']
    assert ratio < 1e-3 if train else ratio > 1e-2, ratio


@pytest.mark.parametrize('eps', [1e-5, 1e-3, 1.])
def test_what_synflow_is_before_a_norm_that_trains(eps):
    """Only eps lets the scale matter: gamma dL/dgamma eps / (var + eps)."""
    conv = conv3x3(bias=True, padding_mode='reflect')
    net = net_of(conv, dtype=torch.double)
    net.norm.eps = eps
    seen = []
    conv.register_forward_hook(lambda *args: seen.append(args[2].detach()))
    out = net(torch.randn(4, 3, 16, 16).double())
    (out.exp() * torch.randn(out.shape)).mean().backward()
    var = seen[0].var((0, 2, 3), correction=0)
    gamma = net.norm.weight
    expected = (gamma * gamma.grad * eps / (var + eps)).sum().item()
    scores = Scores({'conv': conv.weight}, ['synflow'])
    # the scores are sums in single precision
    exact = (conv.weight * conv.weight.grad).sum().item()
    scores.add(torch.optim.SGD(net.parameters(), 0.1))
    assert exact == pytest.approx(expected, rel=1e-9, abs=1e-16)
    found = scores.means()['synflow']['conv']
    assert found == pytest.approx(expected, rel=1e-2, abs=1e-6)


def test_the_state_goes_on():
    weights = kernels()
    straight, first = Scores(weights, ALL), Scores(weights, ALL)
    for scores in (straight, first):
        scores.add(with_gradients(weights))
    state = copy.deepcopy(first.state_dict())
    resumed = Scores(weights, ALL)
    resumed.load_state_dict(state)
    for scores in (straight, resumed):
        scores.add(with_gradients(weights, 1))
    assert resumed.means() == straight.means()
    state['sums']['snip'].fill_(7)
    assert resumed.means() == straight.means()  # the two share no memory


@pytest.mark.parametrize('other', [(kernels(2), ALL), (kernels(3), ['snip'])])
def test_the_state_of_others_is_not_taken(other):
    scores, fresh = Scores(kernels(), ALL), Scores(*other)
    scores.add(with_gradients(scores.kernels))
    fresh.load_state_dict(scores.state_dict())
    assert not any(any(v.values()) for v in fresh.means().values())


def test_no_steps_and_no_kernels():
    assert Scores(kernels(1), ['snip']).means() == {'snip': {'k0': 0.0}}
    empty = Scores({}, ALL)
    empty.add(torch.optim.SGD([nn.Parameter(torch.ones(1))], 0.1))
    assert empty.means() == {metric: {} for metric in ALL}


@pytest.mark.parametrize('metric', METRICS)
def test_what_is_summed(metric):
    expected = dict(vote=list(ALL), grasp=[], random=[]).get(metric, [metric])
    assert needed(metric) == expected
    check_metric(metric)


@pytest.mark.parametrize('metric', ['SNIP', '', None, 3])
def test_unknown_metrics_are_refused(metric):
    with pytest.raises(UserError, match='metric.*snip'):
        check_metric(metric)


def test_a_vote():
    scores = {
        'synflow': dict(a=1., b=2., c=0.),
        'snip': dict(a=9., b=3., c=1.),
        'grad_norm': dict(a=3., b=2., c=1.),
        'grasp': dict(a=-1., b=-2., c=0.),
    }
    assert set(scores) == set(VOTERS)
    votes = elect(scores)
    assert {k: int(v) for k, v in votes.items()} == dict(a=2, b=1, c=1)
    assert max(votes, key=votes.get) == 'a'
    # ranks of 0, 1 and 2: a 1 2 2 1, b 2 1 1 0, c 0 0 0 2
    expected = dict(a=2 + 6 / 12, b=1 + 4 / 12, c=1 + 2 / 12)
    assert votes == pytest.approx(expected)


def test_ranks_never_outweigh_a_vote():
    """One kernel is first twice, the other first once and second thrice."""
    scores = {m: dict(a=0., b=1., c=.5, d=.2) for m in VOTERS}
    scores['snip'] = dict(a=2., b=1., c=.5, d=.2)
    scores['grasp'] = dict(a=2., b=1., c=.5, d=.2)
    scores['synflow'] = dict(a=0., b=.5, c=1., d=.2)
    votes = elect(scores)
    assert max(votes, key=votes.get) == 'a'


def test_a_vote_of_one():
    assert int(elect({m: dict(a=1.) for m in VOTERS})['a']) == len(VOTERS)
