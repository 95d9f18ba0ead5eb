"""States of optimizers that fit the config's optimizer or do not."""
import copy

import pytest
import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import nn

from mmrep.checkpoints.resume_optimizer import check_optimizer_state
from mmrep.errors import UserError

KINDS = dict(
    sgd=lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    plain=lambda p: torch.optim.SGD(p, lr=0.1),
    adamw=lambda p: torch.optim.AdamW(p, lr=0.1, amsgrad=True),
    rmsprop=lambda p: torch.optim.RMSprop(p, lr=0.1),
    adagrad=lambda p: torch.optim.Adagrad(p, lr=0.1))


def wrapper(kind='sgd', groups=1):
    params = list(nn.Linear(2, 3).parameters())
    if groups > 1:
        params = [dict(params=[p]) for p in params]
    return OptimWrapper(KINDS[kind](params))


def written(kind='sgd', groups=1):
    """Return the state after a step; one parameter has no state yet."""
    one = wrapper(kind, groups)
    one.optimizer.param_groups[0]['params'][0].grad = torch.ones(3, 2)
    one.optimizer.step()
    return one.state_dict()


@pytest.mark.parametrize('groups', [1, 2])
@pytest.mark.parametrize('kind', KINDS)
def test_its_own(kind, groups):
    state, fresh = written(kind, groups), wrapper(kind, groups)
    state['loss_scaler'] = dict(scale=65536., _growth_tracker=0)
    before, held = copy.deepcopy(state), str(fresh.optimizer.state_dict())
    weights = [p.clone() for g in fresh.param_groups for p in g['params']]
    check_optimizer_state(state, fresh)
    assert str(state) == str(before)
    assert str(fresh.optimizer.state_dict()) == held
    for group in fresh.param_groups:
        for param in group['params']:
            assert param.equal(weights.pop(0))


@pytest.mark.parametrize('kind, other', [('sgd', 'adamw'), ('adamw', 'sgd'),
                                         ('sgd', 'rmsprop'),
                                         ('adagrad', 'adamw')])
def test_of_another_kind(kind, other):
    with pytest.raises(UserError, match="config's optimizer"):
        check_optimizer_state(written(kind), wrapper(other))


def _junk(change, message, groups=1, kind='sgd'):
    return pytest.param(kind, groups, change, message, id=message)


@pytest.mark.parametrize('kind, groups, change, message', [
    _junk(lambda s: s['param_groups'].pop(), '1 groups', 2),
    _junk(lambda s: s['param_groups'][0]['params'].pop(), 'has 1 parameters'),
    _junk(lambda s: s['param_groups'][0].pop('lr'), "no 'lr'"),
    _junk(lambda s: s['param_groups'][0].pop('momentum'), "no 'momentum'"),
    _junk(lambda s: s['param_groups'][0].update(lr='x'), "'lr' .='x'"),
    _junk(lambda s: s['param_groups'][0].update(lr=float('nan')), 'finite'),
    _junk(lambda s: s['param_groups'][0].update(betas='x'), 'no step', 1,
          'adamw'),
    _junk(lambda s: s['state'][0].update(momentum_buffer='x'), 'momentum_buf'),
    _junk(lambda s: s['state'][0].update(momentum_buffer=torch.ones(7)),
          r'shape \(3, 2\)'),
    _junk(lambda s: s['state'].update({0: {
        'a': 3
    }}), "has .'a'. for"),
    _junk(lambda s: s['state'][0].pop('step'), "config's optimizer", 1,
          'adamw'),
    _junk(lambda s: s['state'][0].update(step='x'), 'cannot load', 1, 'adamw'),
    _junk(lambda s: s.update(loss_scaler=dict(scale='x')), 'loss_scaler'),
    _junk(lambda s: s['base_param_settings'].pop('lr'), 'base_param', 2),
])
def test_damaged(kind, groups, change, message):
    state = written(kind, groups)
    change(state)
    with pytest.raises(UserError, match=message) as error:
        check_optimizer_state(state, wrapper(kind, groups))
    assert '\n' not in str(error.value) and len(str(error.value)) < 400


def of_paramwise(groups):
    """A wrapper of a ``paramwise_cfg``, and the state of one."""
    both = wrapper(groups=groups), written(groups=groups)
    if groups == 1:  # as our constructor does
        both[0].base_param_settings = dict(lr=.1)
        both[1]['base_param_settings'] = dict(lr=.1)
    return both


@pytest.mark.parametrize('own, other, hint', [(2, 1, 'Default'),
                                              (1, 2, 'Grouped')])
def test_of_another_constructor(own, other, hint):
    """The message tells how the file can be resumed."""
    (one, state), (fresh, _) = of_paramwise(own), of_paramwise(other)
    check_optimizer_state(state, one)
    with pytest.raises(
            UserError,
            match=f'{own} groups .* has {other}; to keep its state, .*'
            f'optim_wrapper.constructor={hint}OptimWrapperConstructor'):
        check_optimizer_state(state, fresh)


@pytest.mark.parametrize('own, other', [(2, 1), (1, 2)])
def test_no_constructor_would_help(own, other):
    """One of the two trainings has no options of parameters."""
    with pytest.raises(UserError, match='has . groups') as error:
        check_optimizer_state(written(groups=own), wrapper(groups=other))
    assert 'constructor' not in str(error.value)


def test_several_by_name():
    both = OptimWrapperDict(a=wrapper(), b=wrapper('adamw'))
    states = dict(a=written(), b=written('adamw'))
    check_optimizer_state(states, both)
    for bad in (dict(a=states['a']), states['a'],
                dict(a=states['b'], b=states['a'])):
        with pytest.raises(UserError):
            check_optimizer_state(bad, both)
    with pytest.raises(UserError, match='several optimizers'):
        check_optimizer_state(states, wrapper())
