"""New parameters for an optimizer that is running, nothing lost.

The optimizer, its wrapper, gradient scaler and schedulers stay the same
objects. Groups are those that the user's own constructor makes of the changed
model, so that their order depends on its structure only: optimizer states
load by position.
"""
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from torch import nn
from torch.optim import Optimizer

from ..compat.schedulers import FUNCTIONS, per_group
from ..errors import UserError


def regroup(
    optimizer: Optimizer,
    model: nn.Module,
    build: Optional[Callable[[nn.Module], Optimizer]] = None,
    schedulers: Sequence[Any] = ()
) -> None:
    """Let an optimizer have the parameters that a changed model has.

    Parameters that stay keep their state, those that are gone lose it. New
    ones join the options of those that the constructor treats alike.

    Args:
        optimizer: Changed in place.
        model: Not wrapped.
        build: Makes a fresh optimizer of a model. Defaults to None: there is
            one group.
        schedulers: Of PyTorch or mmengine, of the optimizer or of a wrapper.
            Defaults to none.

    Raises:
        UserError: There is no ``build`` and several groups.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> import mmrep
        >>> from mmrep.dyrep import regroup
        >>> net = nn.Sequential(nn.Conv2d(3, 4, 3))
        >>> optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        >>> net = mmrep.reparameterize(net, 'DBBConv2d')
        >>> regroup(optimizer, net, build=None, schedulers=[])
        >>> known = optimizer.param_groups[0]['params']
        >>> len(known) == len(list(net.parameters()))
        True
    """
    old = optimizer.param_groups
    new = _fresh_groups(optimizer, model, build)
    likes = _likes(old, new)
    source = [i for i, _ in likes]
    ratios = [_ratio(group, like) for group, (_, like) in zip(new, likes)]
    for group, (i, like), ratio in zip(new, likes, ratios):
        _inherit(group, old[i], like, ratio)
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
        raise UserError('the optimizer has several groups, and nothing says '
                        'how to make those of new parameters')
    group = optimizer.param_groups[0]
    there = set(group['params'])
    there |= {p for p in model.parameters() if p.requires_grad}
    return [dict(group, params=[p for p in model.parameters() if p in there])]


def _likes(old: List[dict], new: List[dict]) -> List[Tuple[int, dict]]:
    """What each new group is like: an old group, by its number.

    And, as the constructor makes it, the new group with its parameters: the
    new group itself, or for one of new parameters only that which the
    constructor treats most alike.
    """
    home = {p: i for i, group in enumerate(old) for p in group['params']}
    found = [
        next((home[p] for p in group['params'] if p in home), None)
        for group in new
    ]
    known = [(i, group) for i, group in zip(found, map(_options, new))
             if i is not None]
    return [(i, _options(group)) if i is not None else min(
        known, key=lambda pair: _distance(pair[1], _options(group)))
            for i, group in zip(found, new)]


def _ratio(group: dict, like: dict) -> float:
    """Its learning rate over that of the group that it is like."""
    return group['lr'] / like['lr'] if like['lr'] else 1.0


def _inherit(group: dict, old: dict, like: dict, ratio: float) -> None:
    """The options that training has reached, and its own where they differ."""
    own = {k: v for k, v in _options(group).items() if v != like.get(k)}
    options = {**_options(old), **own}
    if like['lr']:
        for name in {'lr', 'initial_lr'} & old.keys():
            options[name] = old[name] * ratio
    group.update(options)


def _options(group: dict) -> dict:
    return {k: v for k, v in group.items() if k != 'params'}


def _distance(a: dict, b: dict) -> float:
    """0 where the constructor treats both alike."""
    stands = (a['lr'] == 0) != (b['lr'] == 0)  # it has no schedule to share
    return (a != b) + 1e9 * stands + sum(
        abs(a.get(key, 0) - b.get(key, 0)) / (abs(b.get(key, 0)) or 1)
        for key in ('lr', 'weight_decay'))


def _reorder(scheduler: Any, source: List[int], ratios: List[float],
             count: int) -> None:
    """What a scheduler keeps for each group, for the new groups.

    A wrapper has a further group behind those of its optimizer.
    """
    scaled = getattr(scheduler, 'param_name', 'lr') == 'lr'
    for name, values in per_group(scheduler, count):
        own = [values[i] for i in source]
        if scaled and name not in FUNCTIONS:
            own = [value * ratio for value, ratio in zip(own, ratios)]
        setattr(scheduler, name, own + values[count:])


def all_parameters(optimizer: Optimizer) -> Dict[nn.Parameter, None]:
    """The parameters of all groups, in order."""
    return {
        p: None
        for group in optimizer.param_groups
        for p in group['params']
    }
