"""New parameters for an optimizer in use."""
import copy
import logging

import pytest
import torch
from mmengine.optim import (ConstantLR, CosineAnnealingLR,
                            CosineAnnealingMomentum, ExponentialLR, LinearLR,
                            LinearMomentum, MultiStepLR, OneCycleLR, PolyLR,
                            ReduceOnPlateauLR, build_optim_wrapper)
from mmengine.optim.scheduler import ReduceOnPlateauParamScheduler

from mmrep.dyrep import Evolution, regroup
from mmrep.dyrep.optimizer import all_parameters
from mmrep.errors import UserError

from .nets import SEVEN, conv3x3, cut, data_of, grow, net_of

SGD = dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4)
ADAMW = dict(type='AdamW', lr=0.01, weight_decay=0.05)
OPTIMIZERS = dict(sgd=SGD, adamw=ADAMW)
PARAMWISE = dict(
    one_group=None,
    norms=dict(norm_decay_mult=0.),
    biases=dict(bias_lr_mult=2., bias_decay_mult=0.),
    keys=dict(custom_keys=dict(pre=dict(lr_mult=0.1, decay_mult=0.))),
    few_groups=dict(
        constructor='GroupedOptimWrapperConstructor',
        norm_decay_mult=0.,
        custom_keys=dict(pre=dict(lr_mult=0.1))),
)
SCHEDULERS = dict(
    none=[],
    warm_up_and_steps=[(LinearLR, dict(start_factor=0.1, end=5)),
                       (MultiStepLR, dict(milestones=[5, 7]))],
    warm_up_and_cosine=[(LinearLR, dict(start_factor=0.1, end=4)),
                        (CosineAnnealingLR,
                         dict(T_max=8, begin=4, end=12, eta_min=1e-3))],
    one_cycle=[(OneCycleLR, dict(eta_max=0.5, total_steps=20))],
    poly=[(PolyLR, dict(power=0.9, end=20, eta_min=1e-4))],
    constant=[(ConstantLR, dict(factor=0.3, end=6))],
    exponential=[(ExponentialLR, dict(gamma=0.9))],
    plateau=[(ReduceOnPlateauLR, dict(patience=1))],
    momentum=[(CosineAnnealingLR, dict(T_max=20)),
              (CosineAnnealingMomentum, dict(T_max=20, eta_min=0.8)),
              (LinearMomentum, dict(start_factor=0.5, end=6))],
)
EXACT = dict(rel=0, abs=0)


@pytest.fixture(autouse=True)
def quiet():
    """Silence the constructor, which logs the options of each parameter."""
    logging.disable(logging.INFO)
    yield
    logging.disable(logging.NOTSET)


class Run:
    """A net with its optimizer and schedulers, which runs step by step."""

    def __init__(self, optimizer, paramwise=None, schedulers=(), scale=1):
        paramwise = dict(paramwise or {})
        constructor = paramwise.pop('constructor',
                                    'DefaultOptimWrapperConstructor')
        self.cfg = dict(
            optimizer=optimizer,
            paramwise_cfg=paramwise,
            constructor=constructor)
        self.net = net_of(conv3x3())
        self.data = data_of(self.net, size=8)
        self.grown, self.schedulers = schedulers, schedulers
        self.start(scale)

    def start(self, scale=1):
        self.wrapper = build_optim_wrapper(self.net, copy.deepcopy(self.cfg))
        for group in self.optimizer.param_groups:  # as `auto_scale_lr` does
            for key in {'lr', 'initial_lr'} & group.keys():
                group[key] *= scale
        self.schedulers = [
            kind(self.wrapper, by_epoch=True, **arguments) if kind
            is not ReduceOnPlateauLR else kind(self.wrapper, **arguments)
            for kind, arguments in self.grown
        ]

    def resumed(self):
        """Return another run that has loaded the state of this one."""
        other = copy.copy(self)
        other.net = copy.deepcopy(self.net)
        other.start()
        other.wrapper.load_state_dict(copy.deepcopy(self.wrapper.state_dict()))
        for a, b in zip(other.schedulers, self.schedulers):
            a.load_state_dict(copy.deepcopy(b.state_dict()))
        return other

    @property
    def optimizer(self):
        return self.wrapper.optimizer

    def step(self, count=1):
        for i in range(count):
            loss = self.net(self.data.batches[0]).square().mean()
            self.wrapper.update_params(loss)
            for scheduler in self.schedulers:
                if isinstance(scheduler, ReduceOnPlateauParamScheduler):
                    scheduler.step(dict(loss=1.))
                else:
                    scheduler.step()

    def regroup(self):
        regroup(self.optimizer, self.net, self.fresh, self.schedulers)

    def fresh(self, net):
        return build_optim_wrapper(net, copy.deepcopy(self.cfg)).optimizer

    def grow(self, *places):
        grow(self.net, self.data, *places)
        self.regroup()

    def twin_from_here(self, steps):
        """Return the same net, trained as long with a fresh optimizer."""
        twin = copy.copy(self)
        twin.net = copy.deepcopy(self.net)
        twin.start()
        twin.step(steps)
        return twin

    def options(self):
        """Return the options of each parameter, by its name."""
        names = {p: name for name, p in self.net.named_parameters()}
        return {
            names[p]: {
                k: v
                for k, v in group.items() if k != 'params'
            }
            for group in self.optimizer.param_groups
            for p in group['params']
        }

    def lrs(self):
        return {name: o['lr'] for name, o in self.options().items()}


def run_of(optimizer, paramwise, schedulers, **kwargs):
    return Run(OPTIMIZERS[optimizer], PARAMWISE[paramwise],
               SCHEDULERS[schedulers], **kwargs)


all_of = pytest.mark.parametrize(
    'optimizer, paramwise, schedulers',
    [('sgd', p, s) for p in ('one_group', 'keys', 'few_groups')
     for s in SCHEDULERS] + [('adamw', p, s) for p in PARAMWISE
                             for s in ('momentum', 'one_cycle')])


@all_of
def test_old_and_new_parameters_are_scheduled(optimizer, paramwise,
                                              schedulers):
    """Options are as in an untouched run, or as if all had been there."""
    run = run_of(optimizer, paramwise, schedulers)
    untouched = run_of(optimizer, paramwise, schedulers)
    run.step(3)
    untouched.step(3)
    run.grow(())
    late = run.twin_from_here(3)
    for _ in range(4):
        mine = run.options()
        for name, options in untouched.options().items():
            name = name.replace('conv.kxk', 'conv')
            assert mine[name] == options, name
        for name, options in late.options().items():
            for key in options.keys() & {'lr', 'weight_decay', 'momentum'}:
                assert mine[name][key] == pytest.approx(options[key]), name
            assert mine[name].keys() == options.keys()
        for each in (run, untouched, late):
            each.step()


@pytest.mark.parametrize('optimizer', OPTIMIZERS)
@pytest.mark.parametrize('paramwise', PARAMWISE)
def test_state_is_kept_bit_for_bit(optimizer, paramwise):
    run = run_of(optimizer, paramwise, 'none')
    run.step(3)
    inner, state = run.optimizer, {
        p: {
            k: copy.deepcopy(v)
            for k, v in values.items()
        }
        for p, values in run.optimizer.state.items()
    }
    assert state
    groups = inner.param_groups
    run.grow((), ('kxk', ))
    assert run.optimizer is inner and inner.param_groups is groups
    assert set(inner.state) == set(state)
    for parameter, values in state.items():
        assert inner.state[parameter].keys() == values.keys()
        for key, value in values.items():
            found = inner.state[parameter][key]
            assert torch.equal(
                found, value) if torch.is_tensor(value) else found == value
    run.step()
    wanted = {p for p in run.net.parameters() if p.requires_grad}
    assert set(inner.state) == wanted


@pytest.mark.parametrize('paramwise', PARAMWISE)
def test_order_is_that_of_a_fresh_optimizer(paramwise):
    """States load by position."""
    run = run_of('sgd', paramwise, 'warm_up_and_steps')
    for places in [()], [('kxk', ), ('second', )], []:
        run.step(2)
        if places:
            run.grow(*places)
        else:
            cut(run.net, run.data, SEVEN[:3])
            run.regroup()
        fresh = run.fresh(run.net)
        found = [[id(p) for p in g['params']]
                 for g in run.optimizer.param_groups]
        assert found == [[id(p) for p in g['params']]
                         for g in fresh.param_groups]
    resumed = run.resumed()
    for _ in range(3):
        for each in (run, resumed):
            each.step()
        assert run.lrs() == resumed.lrs()
    for a, b in zip(run.net.parameters(), resumed.net.parameters()):
        assert torch.equal(a, b)


@all_of
def test_nothing_new_changes_nothing(optimizer, paramwise, schedulers):
    run = run_of(optimizer, paramwise, schedulers)
    run.step(2)
    before, states = run.options(), [
        copy.deepcopy(s.state_dict()) for s in run.schedulers
    ]
    run.regroup()
    assert run.options() == before
    assert [s.state_dict() for s in run.schedulers] == states


@pytest.mark.parametrize('paramwise', PARAMWISE)
def test_cut_parameters_are_gone(paramwise):
    run = run_of('sgd', paramwise, 'poly')
    run.grow(())
    run.step(2)
    cut(run.net, run.data, SEVEN)
    run.regroup()
    assert set(all_parameters(run.optimizer)) == set(run.net.parameters())
    assert set(run.optimizer.state) == set(run.net.parameters())
    untouched = run_of('sgd', paramwise, 'poly')
    untouched.step(2)
    for _ in range(3):
        assert run.lrs() == untouched.lrs()
        run.step()
        untouched.step()


def test_a_scaled_lr():
    """mmengine's auto_scale_lr changes groups, not the config."""
    run = run_of('sgd', 'norms', 'poly', scale=0.25)
    run.step(2)
    run.grow(())
    assert len(set(run.lrs().values())) == 1
    run.step()
    assert len(set(run.lrs().values())) == 1
    assert max(run.lrs().values()) < 0.025


@pytest.mark.parametrize('schedulers', ['none', 'warm_up_and_steps', 'poly'])
def test_options_of_branches_alone(schedulers):
    """No parameter was treated like the new ones before."""
    keys = dict(branches=dict(lr_mult=0.1, decay_mult=0.))
    run = Run(SGD, dict(custom_keys=keys), SCHEDULERS[schedulers])
    run.step(3)
    run.grow(())
    late = run.twin_from_here(3)
    for _ in range(4):
        mine = run.options()
        for name, options in late.options().items():
            assert mine[name]['lr'] == pytest.approx(options['lr'], rel=2e-2)
            assert mine[name]['weight_decay'] == options['weight_decay']
        run.step()
        late.step()


def test_branches_that_decay_otherwise():
    keys = {'1x1_kxk': dict(decay_mult=0.5)}
    run = Run(SGD, dict(norm_decay_mult=0., custom_keys=keys))
    run.grow(())
    for name, options in run.options().items():
        wanted = 5e-5 if '1x1_kxk' in name else 0. if 'norm' in name else 1e-4
        assert options['weight_decay'] == wanted, name


def test_growth_makes_no_group_of_its_own():
    run = run_of('sgd', 'few_groups', 'poly')
    run.step(2)
    assert len(run.optimizer.param_groups) == 3
    run.grow((), ('kxk', ))
    assert len(run.optimizer.param_groups) == 3
    for name, options in run.options().items():
        decay = 0. if 'norm' in name and 'pre' not in name else 1e-4
        assert options['weight_decay'] == decay, name


def test_a_group_is_like_most_of_its_parameters():
    """A parameter that gets another name joins those of its new name."""
    few = dict(constructor='GroupedOptimWrapperConstructor')
    keys = {'pre': dict(lr_mult=0.1), 'conv.w': dict(lr_mult=0.5)}
    run = Run(SGD, dict(custom_keys=keys, **few), SCHEDULERS['exponential'])
    run.step(2)
    run.grow((), ('kxk', ))
    for name, lr in run.lrs().items():
        wanted = 0.01 if 'pre' in name else 0.1
        assert lr == pytest.approx(wanted * 0.9**2), name


def test_a_first_group_of_new_parameters_alone():
    """A resumed run, which begins with two groups, has the same schedules."""
    few = dict(constructor='GroupedOptimWrapperConstructor')
    keys = dict(branches=dict(lr_mult=2.))
    run = Run(SGD, dict(custom_keys=keys, **few), SCHEDULERS['exponential'])
    assert len(run.optimizer.param_groups) == 1
    run.step(2)
    run.grow(())
    resumed = run.resumed()
    for each in (run, resumed):
        each.step()
        assert each.wrapper.get_lr() == dict(
            lr=pytest.approx([0.1 * 0.9**3, 0.2 * 0.9**3]),
            base_lr=pytest.approx([0.1 * 0.9**3]))


def test_norms_that_are_the_first_to_train():
    """All others are frozen, as in Caffe's ResNets."""
    run = Run(SGD, dict(norm_decay_mult=0.), SCHEDULERS['poly'])
    for norm in (run.net.norm, run.net.pre_norm):
        norm.requires_grad_(False)
    run.start()
    run.grow(())
    for name, options in run.options().items():
        if name.startswith('conv') and 'norm' in name:
            assert options['weight_decay'] == 0, name


def test_those_most_alike_stand_still():
    """A rate of zero does not tell how far the schedule is."""
    keys = dict.fromkeys(('norm', 'pre_norm', 'conv.w'), dict(lr_mult=0.))
    keys |= dict.fromkeys(('branches', 'conv.norm'), dict(lr_mult=0.5))
    keys['pre.'] = dict(lr_mult=5.)
    run = Run(SGD, dict(custom_keys=keys), SCHEDULERS['exponential'])
    run.step(2)
    run.grow(())
    for name, lr in run.lrs().items():
        if 'branches' in name or 'conv.norm' in name:
            assert lr == pytest.approx(0.05 * 0.9**2), name


def test_groups_of_a_wrapper_itself():
    """`base_param_settings` is a further group, without parameters."""
    run = Run(SGD, dict(norm_decay_mult=0.))
    run.cfg['type'] = 'OptimWrapper'
    run.wrapper = build_optim_wrapper(run.net, copy.deepcopy(run.cfg))
    if run.wrapper.base_param_settings is None:
        run.wrapper.base_param_settings = dict(
            params=torch.tensor([0.]), **SGD)
    run.schedulers = [PolyLR(run.wrapper, power=1., end=10)]
    run.step(2)
    run.grow(())
    count = len(run.wrapper.param_groups)
    assert len(run.schedulers[0].base_values) == count
    run.step(2)
    assert len(set(run.lrs().values())) == 1
    base = run.wrapper.base_param_settings['lr']
    assert base == pytest.approx(run.lrs()['pre.weight'])


def test_one_group_needs_no_constructor():
    net = net_of(conv3x3())
    net.pre.requires_grad_(False)
    wanted = [p for p in net.parameters() if p.requires_grad]
    sgd = torch.optim.SGD(wanted, 0.1, momentum=0.9)
    grow(net, data_of(net), ())
    regroup(sgd, net, None, [])
    wanted = [p for p in net.parameters() if p.requires_grad]
    assert list(all_parameters(sgd)) == wanted
    assert sgd.param_groups[0]['momentum'] == 0.9


def test_several_groups_need_one():
    net = net_of(conv3x3())
    groups = [dict(params=[p]) for p in net.parameters()]
    sgd = torch.optim.SGD(groups, 0.1)
    with pytest.raises(UserError, match='several groups'):
        regroup(sgd, net, None, [])


def test_an_event_can_go_on():
    """Scores of this very optimizer make it grow; all parameters move."""
    run = run_of('sgd', 'norms', 'warm_up_and_cosine')
    evolution = Evolution(run.net, scope='conv')
    scores = evolution.new_scores()
    run.optimizer.register_step_pre_hook(
        lambda optimizer, *_: scores.add(optimizer))
    run.step(2)
    assert evolution.event(2, scores, run.data)['score'] > 0
    run.regroup()
    before = {n: p.detach().clone() for n, p in run.net.named_parameters()}
    run.step()
    still = [
        name for name, p in run.net.named_parameters()
        if p.dim() == 4 and torch.equal(p, before[name])
    ]
    assert not still
