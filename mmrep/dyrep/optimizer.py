"""New parameters for an optimizer that is running, nothing lost.

The optimizer, its wrapper, gradient scaler and schedulers stay the same
objects. Groups are those that the user's own constructor makes of the changed
model, so that their order depends on its structure only: optimizer states
load by position.
"""
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from torch import nn
from torch.optim import Optimizer

from ..errors import UserError

PER_GROUP = ('base_values', '_last_value', 'min_values')  # of schedulers


def regroup(optimizer: Optimizer, model: nn.Module,
            build: Optional[Callable[[nn.Module], Optimizer]],
            schedulers: Sequence) -> None:
    """Let an optimizer have the parameters that a changed model has.

    Parameters that stay keep their state, those that are gone lose it. New
    ones join the options of those that the constructor treats alike.

    Args:
        optimizer: Changed in place.
        model: Not wrapped.
        build: Makes a fresh optimizer of a model. None: there is one group.
        schedulers: mmengine's, of the optimizer or of a wrapper.

    Raises:
        UserError: There is no ``build`` and several groups.
    """
    old = optimizer.param_groups
    new = _fresh_groups(optimizer, model, build)
    source, ratios = _sources(old, new)
    for i, ratio, group in zip(source, ratios, new):
        options = {k: v for k, v in old[i].items() if k != 'params'}
        for name in {'lr', 'initial_lr'} & options.keys():
            options[name] *= ratio
        if ratio != 1:  # it is treated like no other
            options['weight_decay'] = group.get('weight_decay', 0)
        group.update(options)
    for scheduler in schedulers:
        _reorder(scheduler, source, ratios, len(old))
    optimizer.param_groups[:] = new
    known = {p for group in new for p in group['params']}
    for parameter in set(optimizer.state) - known:
        del optimizer.state[parameter]


def _fresh_groups(optimizer: Optimizer, model: nn.Module,
                  build: Optional[Callable]) -> List[dict]:
    if build is not None:
        return build(model).param_groups
    if len(optimizer.param_groups) > 1:
        raise UserError('the optimizer has several groups and the Runner no '
                        '`optim_wrapper` in its `cfg` to make those of new '
                        'parameters by: build it with Runner.from_cfg')
    group = optimizer.param_groups[0]
    there = set(group['params'])
    there |= {p for p in model.parameters() if p.requires_grad}
    return [dict(group, params=[p for p in model.parameters() if p in there])]


def _sources(old: List[dict],
             new: List[dict]) -> Tuple[List[int], List[float]]:
    """The old group whose options each new group gets, its lr times what."""
    home = {p: i for i, group in enumerate(old) for p in group['params']}
    found = [
        next((home[p] for p in group['params'] if p in home), None)
        for group in new
    ]
    known = [(g, i) for g, i in zip(new, found) if i is not None]
    ratios = [1.0] * len(new)
    for n, group in enumerate(new):
        if found[n] is None:
            other, found[n] = min(
                known, key=lambda pair: _distance(pair[0], group))
            if _options(other) != _options(group):
                ratios[n] = group['lr'] / other['lr']
    return found, ratios


def _options(group: dict) -> dict:
    return {k: v for k, v in group.items() if k != 'params'}


def _distance(a: dict, b: dict) -> float:
    """0 where the constructor treats both alike."""
    differ = _options(a) != _options(b)
    return differ + sum(
        abs(a.get(key, 0) - b.get(key, 0)) / (abs(b.get(key, 0)) or 1)
        for key in ('lr', 'weight_decay'))


def _reorder(scheduler, source: List[int], ratios: List[float],
             count: int) -> None:
    """What a scheduler keeps for each group, for the new groups.

    A wrapper has a further group behind those of its optimizer.
    """
    scaled = getattr(scheduler, 'param_name', 'lr') == 'lr'
    for name in PER_GROUP:
        values = getattr(scheduler, name, None)
        if isinstance(values, list) and len(values) >= count:
            own = [
                values[i] * (ratio if scaled else 1)
                for i, ratio in zip(source, ratios)
            ]
            setattr(scheduler, name, own + values[count:])


def all_parameters(optimizer: Optimizer) -> Dict[nn.Parameter, None]:
    """The parameters of all groups, in order."""
    return {
        p: None
        for group in optimizer.param_groups
        for p in group['params']
    }
