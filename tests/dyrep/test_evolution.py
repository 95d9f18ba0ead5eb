"""Events in sequence, on small nets and on backbones of hosts."""
import copy

import pytest
import torch
from torch import nn

from mmrep.dyrep import METRICS, SEVEN, Data, Evolution
from mmrep.dyrep.event import Event
from mmrep.dyrep.look import Look, changes
from mmrep.errors import UserError
from mmrep.fusing.net import fuse
from mmrep.testing import randomize_norms

from .nets import (FROZEN, TRAINED, check, classifier, conv3x3, data_of,
                   differences, looks, net_of, other_batch, settle)

RESNETS = dict(
    detector=dict(),
    frozen_norms=dict(norm_eval=True, frozen_stages=1),
    dilated=dict(strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4)),
    dilated_frozen=dict(
        strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4), norm_eval=True))


def optimize(net, data, scores, steps=3, lr=0.01):
    wanted = [p for p in net.parameters() if p.requires_grad]
    sgd = torch.optim.SGD(wanted, lr, momentum=0.9, weight_decay=1e-4)
    for step in range(steps):
        sgd.zero_grad()
        data.run(data.batches[step % len(data.batches)]).backward()
        nn.utils.clip_grad_norm_(wanted, 1.)
        scores.add(sgd)
        sgd.step()
    sgd.zero_grad()


def scatter(net, seed, amount=0.5):
    """Scale all gammas of blocks at random, some to almost nothing."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if '.branches.' in name and name.endswith('.norm.weight'):
                parameter *= 2 * torch.rand((), generator=generator)
                if torch.rand((), generator=generator) < amount:
                    parameter *= 1e-2


@pytest.mark.parametrize('options', RESNETS.values(), ids=RESNETS)
def test_resnets_evolve(options):
    """Each event is checked alone, on its batches and on another one."""
    net, data = classifier(**options)
    torch.manual_seed(1)
    other = (torch.randn(8, 3, 32, 32), torch.arange(8) % 5)
    evolution, cuts = Evolution(net), []
    bar = FROZEN if options.get('norm_eval') else TRAINED
    for step in range(5):
        scores = evolution.new_scores()
        optimize(net, data, scores)
        scatter(net, step)
        if not options.get('norm_eval'):
            settle(net, data)
        before = looks(net, data, other)
        record = evolution.event(step, scores, data)
        cuts += record['cut']
        check(net, data, before, other, trained=bar)
        assert record['grown']
        assert record['grown_change'][0] <= FROZEN
        assert record['grown_change'][1] <= bar
    assert cuts
    frozen = {n for n, p in net.named_parameters() if not p.requires_grad}
    assert not any('branches' in name for name in frozen)
    x = data.batches[0][0]
    expected = net.eval()(x)
    assert torch.allclose(fuse(net)(x), expected, rtol=1e-4, atol=1e-5)


def test_repvggs_evolve():
    """RepVGG's own blocks are cut, grow in their kxk and grow there again."""
    net, data = classifier(
        type='RepVGGBackbone',
        arch=dict(num_blocks=(1, ) * 4, width_factor=(1, ) * 4, groups=2),
        base_channels=8,
        strides=(1, 2, 2, 2))  # so few strides leave a norm more samples
    torch.manual_seed(1)
    other = (torch.randn(8, 3, 32, 32), torch.arange(8) % 5)
    evolution, cuts, grown = Evolution(net, max_depth=3), [], []
    assert all(name.endswith('.kxk') for name in evolution.sites())
    for step in range(6):
        scores = evolution.new_scores()
        optimize(net, data, scores)
        scatter(net, step, 0.2)
        settle(net, data)
        before = looks(net, data, other)
        record = evolution.event(step, scores, data)
        check(net, data, before, other)
        cuts += record['cut']
        grown.append(record['grown'].partition('.branch_reparam.')[2])
    assert {cut['name'].count('kxk') for cut in cuts} >= {0, 1}
    assert 'kxk' in grown and set(grown) - {'kxk'}, grown
    expected = net.eval()(data.batches[0][0])
    found = fuse(net)(data.batches[0][0])
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-5)


def small(**options):
    net = net_of(conv3x3())
    data = data_of(net, size=8)
    return net, data, Evolution(net, **{'scope': ['pre', 'conv'], **options})


def scored(evolution, data):
    """Return the scores of one step, after which the net is restored."""
    scores = evolution.new_scores()
    before = copy.deepcopy(evolution.model.state_dict())
    optimize(evolution.model, data, scores, 1, 0.)
    evolution.model.load_state_dict(before)
    return scores


def test_a_record():
    net, data, evolution = small()
    record = evolution.event(7, scored(evolution, data), data)
    assert evolution.history == [record]
    assert record['step'] == 7 and record['cut'] == []
    assert record['grown'] == 'conv' and record['score'] > 0
    assert record['branches'] == list(SEVEN)
    assert list(record['importances']) == ['conv']
    assert record['importances']['conv'] == pytest.approx(
        dict.fromkeys(SEVEN, 0.01))
    assert record['cut_change'] == [0, 0]
    before, after = record['parameters']
    assert after == sum(p.numel() for p in net.parameters()) > before
    assert record['flops'][1] > record['flops'][0] > 0
    assert copy.deepcopy(record) == record


def test_the_best_grows():
    net, data = classifier()
    evolution = Evolution(net)
    scores = scored(evolution, data)
    expected = scores.means()['snip']
    record = evolution.event(0, scores, data)
    assert record['grown'] == max(expected, key=expected.get)
    assert record['score'] == pytest.approx(max(expected.values()))


@pytest.mark.parametrize('metric', METRICS)
def test_metrics(metric):
    net, data, evolution = small(metric=metric, max_depth=3)
    before, grown = looks(net, data), []
    for step in range(3):
        record = evolution.event(step, scored(evolution, data), data)
        grown.append(record['grown'])
    assert len(set(grown)) == 3 and grown[0] == 'conv'
    assert differences(before, looks(net, data))[0] <= FROZEN


def test_random_draws_anew_each_time():
    net, _ = classifier()
    evolution, drawn = Evolution(net, metric='random'), []
    for _ in range(2):
        drawn.append(Event(evolution, evolution.new_scores(), None).totals())
        again = Event(evolution, evolution.new_scores(), None)
        assert again.totals() == drawn[-1]
        evolution.history.append({})
    assert drawn[0].keys() == drawn[1].keys() and drawn[0] != drawn[1]


@pytest.mark.parametrize('depth', [1, 2])
def test_all_grows_until_nothing_is_left(depth):
    net, data, evolution = small(max_depth=depth)
    grown = []
    while True:
        scores = scored(evolution, data)
        before = looks(net, data)
        grown.append(evolution.event(0, scores, data)['grown'])
        check(net, data, before)
        if grown[-1] is None:
            break
    count = [None, 1, 3][depth]
    assert len(grown) == count + 1 and len(set(grown)) == count + 1
    record = evolution.history[-1]
    assert record['score'] is None and record['branches'] == []
    assert record['grown_change'] == [0, 0]


def test_same_seed_same_net():
    states = []
    for seed in (0, 0, 1):
        torch.manual_seed(len(states))
        net, data, evolution = small(seed=seed, max_depth=3)
        torch.manual_seed(len(states))
        for step in range(3):
            evolution.event(step, scored(evolution, data), data)
        states.append(net.state_dict())
    a, b, c = states
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not all(torch.equal(a[name], c[name]) for name in a)


def test_branches_of_two_events_differ():
    net, data, evolution = small(branches='1x1_kxk', max_depth=2)
    for step in range(3):
        evolution.event(step, scored(evolution, data), data)
    second = net.conv.branches['1x1_kxk'].second
    third = net.conv.kxk.branches['1x1_kxk'].second
    kernels = [t if torch.is_tensor(t) else t.weight for t in (second, third)]
    assert kernels[0].shape == kernels[1].shape
    assert not torch.equal(*kernels)


def test_nothing_else_is_touched():
    net, data, evolution = small()
    scores = scored(evolution, data)
    net.pre_norm.eval()
    parts = [net.pre, net.pre_norm, net.norm]
    data.run(data.batches[0]).backward()
    before = [copy.deepcopy(p.state_dict()) for p in parts]
    grads = [p.grad for p in net.pre.parameters()]
    numbers, total = torch.get_rng_state(), scores.means()
    evolution.event(0, scores, data)
    assert torch.equal(numbers, torch.get_rng_state())
    assert scores.means() == total
    assert not net.pre_norm.training and net.norm.training and net.training
    assert all(a is b
               for a, b in zip(grads, (p.grad for p in net.pre.parameters())))
    for part, state in zip(parts, before):
        for name, tensor in part.state_dict().items():
            assert torch.equal(tensor, state[name])


def test_what_is_plain_again_can_grow_again():
    net, data, evolution = small(max_depth=1)
    evolution.event(0, scored(evolution, data), data)
    with torch.no_grad():
        for branch in net.conv.branches.values():
            branch.norm.weight *= 1e-3
    before = looks(net, data)
    record = evolution.event(1, scored(evolution, data), data)
    assert record['cut'][0]['branches'] == list(SEVEN)
    assert record['grown'] is None  # the kernel has no score yet
    check(net, data, before)
    record = evolution.event(2, scored(evolution, data), data)
    assert record['grown'] == 'conv'
    check(net, data, before)
    assert list(net.conv.branches) == list(SEVEN)


def test_averages_follow_all_the_way():
    net, data, evolution = small(max_depth=3)
    average = copy.deepcopy(net).requires_grad_(False)
    with torch.no_grad():
        for parameter in average.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    randomize_norms(average, seed=3)
    evolution.followers = [average]
    theirs = data_of(average, size=8)
    before = looks(average, theirs)
    for step in range(5):
        scores = evolution.new_scores()
        optimize(net, data, scores)
        scatter(net, step)
        evolution.event(step, scores, data)
        assert average.conv.config() == net.conv.config()
        names = [name for name, _ in net.named_parameters()]
        assert [name for name, _ in average.named_parameters()] == names
    assert any(record['cut'] for record in evolution.history)
    assert differences(before, looks(average, theirs))[0] <= FROZEN


def test_scores_that_are_not_finite_are_passed_over():
    net, data = classifier()
    evolution = Evolution(net)
    scores = scored(evolution, data)
    scores.sums['snip'][0] = float('inf')
    scores.sums['snip'][1] = float('nan')
    first = list(evolution.sites())[:2]
    assert evolution.event(0, scores, data)['grown'] not in first


def test_a_first_event_without_steps():
    """A run resumed right before an event has only zero scores."""
    net, data, evolution = small()
    record = evolution.event(0, evolution.new_scores(), data)
    assert record['grown'] == 'conv' and record['score'] == 0


def test_progress_is_told():
    net, data, evolution = small()
    told = []

    def progress(batches, task):
        told.append((len(batches), task))
        return batches

    evolution.event(0, scored(evolution, data),
                    data._replace(progress=progress))
    assert told == [(2, 'calibrating conv')]


def test_branches_with_options():
    branches = {'1x1_kxk': dict(channels=16), '1x1': {}, '5x5': {}}
    net, data, evolution = small(branches=branches)
    average = copy.deepcopy(net)
    evolution.followers = [average]
    before = looks(net, data)
    record = evolution.event(0, scored(evolution, data), data)
    check(net, data, before)
    assert record['branches'] == ['1x1', '1x1_kxk']  # none larger than kxk
    assert len(net.conv.branches['1x1_kxk'].first) == 16
    assert average.conv.config() == net.conv.config()


def test_a_block_as_a_second_kernel():
    second = dict(type='DBBConv2d', branches=('1x1', ))
    net, data, evolution = small(branches={'1x1_kxk': dict(second=second)})
    before, other = looks(net, data), other_batch(size=8)
    evolution.event(0, scored(evolution, data), data)
    check(net, data, before)
    assert torch.isfinite(net(other)).all()


@pytest.mark.parametrize('arguments, name', [
    (dict(metric='speed'), 'metric'),
    (dict(branches=()), 'branches'),
    (dict(branches=['2x']), 'branches'),
    (dict(branches={'1x1': dict(channels=3)}), 'branch'),
    (dict(cut_threshold=0), 'cut_threshold'),
    (dict(cut_threshold=float('nan')), 'cut_threshold'),
    (dict(cut_threshold='0.1'), 'cut_threshold'),
    (dict(init_gamma=-0.1), 'init_gamma'),
    (dict(init_gamma=None), 'init_gamma'),
    (dict(max_depth=0), 'max_depth'),
    (dict(max_depth=1.5), 'max_depth'),
    (dict(max_depth=True), 'max_depth'),
])
def test_impossible_arguments(arguments, name):
    with pytest.raises(UserError, match=name):
        Evolution(nn.Identity(), **arguments)


def test_changes():
    a = Look([torch.ones(2)], [torch.ones(2)], 0, 0)
    b = Look([torch.tensor([1., 1.5])], [torch.tensor([0., 1.])], 0, 0)
    assert changes(a, b) == [0.5, 1.]


def test_frozen_stages_stay_plain_to_the_end():
    net, data = classifier(frozen_stages=3)
    evolution = Evolution(net, max_depth=1)
    for step in range(5):
        evolution.event(step, scored(evolution, data), data)
    grown = {record['grown'] for record in evolution.history}
    assert all(name is None or 'layer4' in name for name in grown)
    assert None in grown
    assert type(net.backbone.conv1) is nn.Conv2d


class TwoLevels(nn.Module):
    """A net with a convolution for each level, and one for both."""

    def __init__(self):
        super().__init__()
        self.own = nn.Conv2d(3, 4, 3, padding=1)
        self.shared = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x):
        x = self.own(x)
        return self.shared(x), self.shared(x[:, :, ::2, ::2])


def test_what_runs_twice_does_not_grow():
    net = TwoLevels()
    batches = [torch.randn(2, 3, 8, 8)]
    data = Data(batches, lambda x: sum(y.square().sum() for y in net(x)), net)
    for scope, grown in ((['own', 'shared'], 'own'), ('shared', None)):
        evolution = Evolution(net, scope=scope)
        scores = evolution.new_scores()
        data.run(batches[0]).backward()
        scores.add(torch.optim.SGD(net.parameters(), 0.1))
        scores.sums['snip'][-1] = 1e9
        assert evolution.event(0, scores, data)['grown'] == grown
