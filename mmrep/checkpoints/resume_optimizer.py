"""Check that an optimizer's state in a file fits the optimizer of a config."""
import copy
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, List

import torch
from mmengine.optim import OptimWrapperDict
from torch import Tensor
from torch.optim import Optimizer

from ..errors import UserError, one_line, shown
from ..layers.geometry import is_number


def check_optimizer_state(state: Mapping, wrapper: Any) -> None:
    """Refuse a state with which the optimizer could not go on.

    The state is loaded into a copy of the optimizer, which makes one step
    with gradients of zero.

    Args:
        state: The file's ``optimizer``. It stays as it is.
        wrapper: The ``OptimWrapper`` that the config builds, or several by
            name. It stays as it is.

    Raises:
        UserError: The state is of another optimizer, or damaged.
    """
    several = isinstance(wrapper, OptimWrapperDict)
    if several != ('param_groups' not in state):
        raise UserError('one of them has several optimizers by name, the '
                        'other has one')
    if not several:
        return _check_one(state, wrapper)
    if set(state) != set(wrapper.keys()):
        raise UserError(f'it is of the optimizers {shown(sorted(state))}, the '
                        f'config has {shown(sorted(wrapper.keys()))}')
    for name, one in wrapper.items():
        _check_one(state[name], one)


def _check_one(state: Mapping, wrapper: Any) -> None:
    _check_counts(state, wrapper)
    _check_settings(state.get('base_param_settings'))
    _check_scaler(state.get('loss_scaler', {}))
    trial = copy.deepcopy(wrapper.optimizer)
    try:
        trial.load_state_dict(
            copy.deepcopy({k: state[k]
                           for k in ('state', 'param_groups')}))
    except Exception as error:  # odd values can raise anything
        raise UserError(
            f"the config's optimizer, {type(trial).__name__}, cannot load it "
            f'({type(error).__name__}: {one_line(error)})') from error
    for i, group in enumerate(trial.param_groups):
        _check_group(i, group, wrapper.optimizer.param_groups[i])
    _try(trial, wrapper.optimizer)


def _check_counts(state: Mapping, wrapper: Any) -> None:
    groups, wanted = state['param_groups'], wrapper.optimizer.param_groups
    if len(groups) != len(wanted):
        # mmengine keeps these beside the groups of a `paramwise_cfg`
        paramwise = None not in (state.get('base_param_settings'),
                                 wrapper.base_param_settings)
        raise UserError(f'it has {len(groups)} groups of parameters, the '
                        f"config's optimizer has {len(wanted)}"
                        f'{_hint(groups, wanted) if paramwise else ""}')
    for i, (group, other) in enumerate(zip(groups, wanted)):
        if len(group['params']) != len(other['params']):
            raise UserError(f'its group {i} has {len(group["params"])} '
                            "parameters, that of the config's optimizer has "
                            f'{len(other["params"])}')


def _hint(groups: list, wanted: list) -> str:
    """Return how to resume with groups as the file has them, if that helps.

    mmengine makes a group of each parameter, our constructor makes fewer.
    """
    own, other = ([len(group['params']) for group in each]
                  for each in (groups, wanted))
    one_each = set(own) == {1}
    if sum(own) != sum(other) or one_each == (set(other) == {1}):
        return ''
    name = 'Default' if one_each else 'Grouped'
    return ('; to keep its state, resume with `--cfg-options '
            f'optim_wrapper.constructor={name}OptimWrapperConstructor`')


def _check_settings(settings: Any) -> None:
    """Check what mmengine keeps beside several groups, for schedules."""
    if settings is None:
        return
    if not isinstance(settings, Mapping) or not is_number(settings.get('lr')):
        raise UserError(f'its `base_param_settings` (={shown(settings)}) has '
                        'no learning rate `lr`')


def _check_scaler(scaler: Any) -> None:
    """Check the state of a scaler for mixed precision, which is numbers."""
    if not isinstance(scaler, Mapping) or not all(
            map(is_number, scaler.values())):
        raise UserError(f'its `loss_scaler` (={shown(scaler)}) must be a dict '
                        'of finite numbers')


def _check_group(i: int, group: dict, fresh: dict) -> None:
    """Check the options of a group, which replace all those of the config."""
    for name, value in fresh.items():
        if name not in group:
            raise UserError(f'its group {i} has no {name!r}, which the '
                            "config's optimizer needs")
        if is_number(value) and not is_number(group[name]):
            raise UserError(f'the {name!r} (={shown(group[name])}) of its '
                            f'group {i} must be a finite number')


def _try(trial: Optimizer, optimizer: Optimizer) -> None:
    """Compare the state with that after a fresh step, then step with it."""
    params = _all_parameters(trial)
    loaded, trial.state = trial.state, defaultdict(dict)
    for param, own in zip(params, _all_parameters(optimizer)):
        if own in optimizer.state:  # some have a state before any step
            trial.state[param] = copy.deepcopy(optimizer.state[own])
    why = _why_no_step(trial)
    if why is None:
        for i, param in enumerate(params):
            _compare(i, loaded.get(param) or {}, trial.state.get(param) or {})
        trial.state = loaded
        why = _why_no_step(trial)
    # an optimizer that never makes such a step is no fault of the file
    if why is not None and not _why_no_step(copy.deepcopy(optimizer)):
        raise UserError(f'no step can be made with it ({why})')


def _all_parameters(optimizer: Optimizer) -> List[Tensor]:
    return [p for group in optimizer.param_groups for p in group['params']]


def _why_no_step(optimizer: Optimizer) -> Any:
    for param in _all_parameters(optimizer):
        param.grad = torch.zeros_like(param)
    try:
        optimizer.step()
    except Exception as error:  # odd values can raise anything
        return f'{type(error).__name__}: {one_line(error)}'
    return None


def _compare(i: int, loaded: dict, fresh: dict) -> None:
    if not loaded or not fresh:  # a parameter without a step so far
        return
    if set(loaded) != set(fresh):
        raise UserError(f'it has {shown(sorted(map(str, loaded)))} for '
                        f"parameter {i}, the config's optimizer has "
                        f'{shown(sorted(map(str, fresh)))}')
    for name, value in fresh.items():
        if not torch.is_tensor(value) or not value.dim():
            continue
        shape = getattr(loaded[name], 'shape', None)
        if loaded[name] is not None and shape != value.shape:
            raise UserError(
                f'the {name!r} (={shown(loaded[name])}) of its parameter {i} '
                f'must be a tensor of the shape {tuple(value.shape)}')
