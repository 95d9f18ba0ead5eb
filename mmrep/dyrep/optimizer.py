"""New parameters for an optimizer in use, which loses no state.

The optimizer, its wrapper, gradient scaler and schedulers stay the same
objects. The user's own constructor makes the groups of the changed model, so
that their order depends on the structure of the model only: optimizer states
load by position.
"""
from collections import Counter
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
    """Give an optimizer the parameters that a changed model has.

    Parameters that stay keep their state, those that are gone lose it. New
    ones take the options of those that the constructor treats alike.

    Args:
        optimizer: The optimizer, which is changed in place.
        model: The model without wrappers.
        build: Function that makes a fresh optimizer of a model. Defaults to
            None, which is for an optimizer with a single group.
        schedulers: Schedulers of PyTorch or mmengine, made for the optimizer
            or for its wrapper. Defaults to none.

    Raises:
        UserError: The optimizer has several groups and ``build`` is None.

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
    """Return the group that each new group is like, in two forms.

    Returns:
        For each new group the number of the old group that it is like, and
        the options that the constructor gives this group. A new group that has
        old parameters is like the group of most of these; another one is like
        the group with old parameters that the constructor treats most alike.
    """
    home = {p: i for i, group in enumerate(old) for p in group['params']}
    found = [
        _most([home[p] for p in group['params'] if p in home]) for group in new
    ]
    known = [(i, group) for i, group in zip(found, map(_options, new))
             if i is not None]
    return [(i, _options(group)) if i is not None else min(
        known, key=lambda pair: _distance(pair[1], _options(group)))
            for i, group in zip(found, new)]


def _most(homes: List[int]) -> Optional[int]:
    """Return the most frequent number, the first of those, None without."""
    return Counter(homes).most_common(1)[0][0] if homes else None


def _ratio(group: dict, like: dict) -> float:
    """Return the learning rate as a multiple of that of a similar group."""
    return group['lr'] / like['lr'] if like['lr'] else 1.0


def _inherit(group: dict, old: dict, like: dict, ratio: float) -> None:
    """Give a group the options of an old one, apart from its own options.

    Own options are those in which it differs from the group that it is like.
    """
    own = {k: v for k, v in _options(group).items() if v != like.get(k)}
    options = {**_options(old), **own}
    if like['lr']:
        for name in {'lr', 'initial_lr'} & old.keys():
            options[name] = old[name] * ratio
    group.update(options)


def _options(group: dict) -> dict:
    return {k: v for k, v in group.items() if k != 'params'}


def _distance(a: dict, b: dict) -> float:
    """Return how differently the constructor treats two groups, 0 if alike."""
    stands = (a['lr'] == 0) != (b['lr'] == 0)  # a rate of 0 has no schedule
    return (a != b) + 1e9 * stands + sum(
        abs(a.get(key, 0) - b.get(key, 0)) / (abs(b.get(key, 0)) or 1)
        for key in ('lr', 'weight_decay'))


def _reorder(scheduler: Any, source: List[int], ratios: List[float],
             count: int) -> None:
    """Rewrite the values that a scheduler keeps, one for each new group.

    A wrapper has a further group behind those of its optimizer.
    """
    scaled = getattr(scheduler, 'param_name', 'lr') == 'lr'
    for name, values in per_group(scheduler, count):
        own = [values[i] for i in source]
        if scaled and name not in FUNCTIONS:
            own = [value * ratio for value, ratio in zip(own, ratios)]
        setattr(scheduler, name, own + values[count:])


def all_parameters(optimizer: Optimizer) -> Dict[nn.Parameter, None]:
    """Return the parameters of all groups, in order, as keys of a dict."""
    return {
        p: None
        for group in optimizer.param_groups
        for p in group['params']
    }
