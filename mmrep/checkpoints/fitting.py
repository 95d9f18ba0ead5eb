"""Whether anything of a checkpoint is for a module that starts from it."""
import copy
import re
from typing import Callable, Dict, Iterator, Tuple

import torch
from torch import Tensor, nn

from ..compat.quiet import quiet
from ..errors import UserError
from ..layers import RepConv2d
from ..nets.walk import names
from ..prefixes import without_module

# of no use without the weights beside them
COUNTERS = re.compile(r'(^|\.)num_batches_tracked\Z')
INNER = re.compile(r'\.(kxk\.)+(?=weight\Z)')


def check_fits(path: str, module: nn.Module, weights: Dict[str, Tensor],
               load: Callable[[nn.Module], object]) -> None:
    """Refuse weights of which a module would take none.

    A part of them is enough: a backbone's for a detector, say, and what fits
    is told by mmengine's log.

    Args:
        path: Of the file, for the message.
        module: That is to start from it; stays as it is.
        weights: By name, as the module is to load them.
        load: What loads them into a copy of the module, as the training will.

    Raises:
        UserError: None is left in the module after that.
    """
    weights = {
        name: tensor
        for name, tensor in without_module(weights).items()
        if not COUNTERS.search(name)
    }
    places = dict(_places(module))
    if any(
            places.get(INNER.sub('.', name)) == tensor.shape
            for name, tensor in weights.items()):
        return
    # names may be others' that the module itself translates
    if weights and _leaves_a_trace(module, weights, load):
        return
    some = f'only such as {list(weights)[:2]}' if weights else 'it is empty'
    raise UserError(
        f'checkpoint {path!r}, from which {type(module).__name__} is to start,'
        f' has no weight of a name and shape of it such as {list(places)[:2]},'
        f' {some}: nothing would be loaded')


def _places(module: nn.Module) -> Iterator[Tuple[str, torch.Size]]:
    """Names and shapes that the module takes; blocks also plain weights."""
    for layer, paths in names(module).items():
        if isinstance(layer, RepConv2d):
            for path in paths:
                name = f'{path}.weight' if path else 'weight'
                yield name, layer.origin.shape
    for name, tensor in module.state_dict().items():
        if torch.is_tensor(tensor):
            yield name, tensor.shape


def _leaves_a_trace(module: nn.Module, weights: Dict[str, Tensor],
                    load: Callable[[nn.Module], object]) -> bool:
    """Whether loading puts a tensor of the file into the module.

    Constants do not count: what initialises puts them there, too.
    """
    twin = copy.deepcopy(module)
    try:
        with quiet('CRITICAL'):
            load(twin)
    except Exception:  # the training would raise it too, or loads a part
        pass
    there, before = {}, module.state_dict()
    for name, tensor in twin.state_dict().items():
        if name not in before or not torch.equal(tensor, before[name]):
            there.setdefault(tensor.shape, []).append(tensor)
    return any(
        torch.equal(tensor.to(other), other) for tensor in weights.values()
        if tensor.numel() > 1 and (tensor != tensor.flatten()[0]).any()
        for other in there.get(tensor.shape, ()))
