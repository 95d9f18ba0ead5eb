"""Check that a module takes weights of the checkpoint it starts from."""
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

# counters are of no use without the weights beside them
COUNTERS = re.compile(r'(^|\.)num_batches_tracked\Z')
INNER = re.compile(r'\.(kxk\.)+(?=weight\Z)')


def check_fits(path: str, module: nn.Module, weights: Dict[str, Tensor],
               load: Callable[[nn.Module], object]) -> None:
    """Refuse weights of which a module would take none.

    A part of the weights is enough, such as a backbone's for a detector;
    mmengine's log tells which fit.

    Args:
        path: The file's path, for the message.
        module: The module that is to start from the file. It stays as it is.
        weights: The weights by name, as the module is to load them.
        load: The function that loads them into a copy of the module, as the
            training will.

    Raises:
        UserError: The module has none of the weights after loading.
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
    # the module itself may translate other names
    if weights and _leaves_a_trace(module, weights, load):
        return
    held = f'it holds weights such as {list(weights)[:2]}'
    raise UserError(
        f'checkpoint {path!r} has no weight with a name and shape of this '
        f'{type(module).__name__}, such as {list(places)[:2]}: '
        f"{held if weights else 'it is empty'}, so nothing would be loaded")


def _places(module: nn.Module) -> Iterator[Tuple[str, torch.Size]]:
    """Yield the names and shapes of weights that a module takes.

    A block also takes the weight of a plain convolution.
    """
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
    """Return True if loading puts a tensor of the file into the module.

    Constants do not count: initialisation puts them there, too.
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
