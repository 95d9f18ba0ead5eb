"""Read the structure that weights bring along, and give it to a model."""
import re
from typing import Dict, Iterable, List, Optional, Set

from torch import Tensor, nn

from ..layers import BranchedConv2d, DBBConv2d, RepConv2d
from ..layers.block_types import block_type
from ..layers.from_names import read_any
from ..layers.loading import ORIGIN, PLAIN, Foreign, read, take
from ..layers.plain import why_not_plain
from ..nets.following import norm_cfg_at
from ..nets.walk import names, replace
from ..prefixes import under, without_module
from .describe import Structure

Weights = Dict[str, Tensor]


def structure_of(model: nn.Module,
                 weights: Weights,
                 exactly: bool = False) -> Structure:
    """Return the structure that the names of weights tell.

    Args:
        model: The model that the weights are for. It stays as it is, and
            gives all that names do not tell, such as the types of blocks.
        weights: The weights of such a model or of a part of it, with or
            without the ``module.`` of DDP.
        exactly: True to give layers no branches where the weights are a plain
            convolution's. Defaults to False: they keep their own.

    Returns:
        A description as by :func:`mmrep.structure`. It also has the plain
        convolutions that the weights have blocks for.
    """
    weights = without_module(weights)
    return _described(model, weights, exactly, _grown(model, weights))


def adopt(model: nn.Module, weights: Weights, exactly: bool = False) -> bool:
    """Give a model the structure of the weights that it is to load.

    Layers stay, and so do the parameters that they still have. The plain net
    that a DyRep run began with takes the structure of its evolved net. The
    convolutions compute something else afterwards, so load the weights.

    Args:
        model: The model, changed in place.
        weights: See :func:`structure_of`.
        exactly: See :func:`structure_of`. Defaults to False.

    Returns:
        True if the model has other parameters now.
    """
    weights = without_module(weights)
    grown = _grown(model, weights)
    wanted = _described(model, weights, exactly, grown)
    replace(model, grown)
    changed = [
        take(layer, _options(wanted[paths[0]]))
        for layer, paths in names(model).items()
        if isinstance(layer, RepConv2d) and layer.config() != wanted[paths[0]]
    ]
    return any(changed)


def enrich(model: nn.Module, weights: Weights) -> List[str]:
    """Replace plain convolutions that weights have blocks for by blocks.

    The model computes the same. The blocks take over their branches when they
    load the weights.

    Args:
        model: The model, changed in place.
        weights: See :func:`structure_of`.

    Returns:
        The names of the replaced convolutions.
    """
    grown = _grown(model, without_module(weights))
    if not grown:  # the usual case
        return []
    found = [paths[0] for conv, paths in names(model).items() if conv in grown]
    replace(model, grown)
    return found


def block_for(model: nn.Module, conv: nn.Module) -> BranchedConv2d:
    """Make a block without branches, to stand for a plain convolution.

    Args:
        model: The model. Its norm behind the convolution tells which norms
            the block gets.
        conv: The convolution, a part of the model.
    """
    return DBBConv2d.from_conv(
        conv, branches=(), norms=(), norm_cfg=norm_cfg_at(model, conv))


def part_of(module: nn.Module, weights: Weights) -> Optional[Weights]:
    """Find a module's weights among those of a model around it.

    Args:
        module: A module with convolutions, plain or rich.
        weights: The weights of the module itself or of a model around it.

    Returns:
        The module's weights by their names in it, None if there are none.
    """
    first = re.escape(first_convolution(module))
    origin = re.compile(rf'(.*\.|){first}\.{ORIGIN}', re.DOTALL)
    matches = filter(None, map(origin.match, weights))
    prefix = min((match[1] for match in matches), key=len, default=None)
    return None if prefix is None else under(weights, prefix)


def first_convolution(module: nn.Module) -> str:
    """Return the name of a module's first convolution, plain or rich.

    Args:
        module: A module. If it has no convolution, the name is
            '(a convolution)'.
    """
    return next((paths[0] for conv, paths in names(module).items()
                 if isinstance(conv, RepConv2d) or not why_not_plain(conv)),
                '(a convolution)')


def _described(model: nn.Module, weights: Weights, exactly: bool,
               grown: Dict[nn.Module, nn.Module]) -> Structure:
    return {
        paths[0]:
        _config(grown.get(layer, layer), _own(paths, weights), exactly)
        for layer, paths in names(model).items()
        if layer in grown or isinstance(layer, RepConv2d)
    }


def _grown(model: nn.Module, weights: Weights) -> Dict[nn.Module, nn.Module]:
    """Return a block for each plain convolution that weights have one for."""
    plain = {
        path: conv
        for conv, paths in names(model).items() if not why_not_plain(conv)
        for path in paths
    }
    found = {}
    for path in sorted(_marked(plain, weights)):
        conv = plain[path]
        block = found.get(conv) or _block(model, conv, _own([path], weights))
        if block is not None:
            found[conv] = block
    return found


def _marked(plain: Iterable[str], weights: Weights) -> Set[str]:
    """Return the convolutions of which weights have more than they hold."""
    found = set()
    for name in weights:
        path = name
        while '.' in path:
            path = path.rpartition('.')[0]
            if path in plain and name[len(path) + 1:] not in PLAIN:
                found.add(path)
    return found


def _block(model: nn.Module, conv: nn.Module,
           weights: Weights) -> Optional[RepConv2d]:
    """Return a block for weights, in place of a convolution, None if none."""
    block = block_for(model, conv)
    if _fits(block, weights):
        return block
    config = read_any(weights)
    if config is None:
        return None
    try:
        block = block_type(config['type']).from_conv(conv, **_options(config))
    except (ValueError, TypeError, RuntimeError):  # the block's own
        return None
    shapes = {name: tensor.shape for name, tensor in weights.items()}
    own = {name: tensor.shape for name, tensor in block.state_dict().items()}
    return block if own == shapes else None


def _fits(block: DBBConv2d, weights: Weights) -> bool:
    """Return True if the weights are those of such a block of this size."""
    origins = [w for n, w in weights.items() if re.match(ORIGIN, n)]
    if not origins or origins[0].shape != block.weight.shape:
        return False
    try:
        block.read_options(weights)
    except Foreign:
        return False
    return True


def _own(paths: List[str], weights: Weights) -> Weights:
    """Return the weights of a module of these names, by their names in it."""
    found = (under(weights, f'{path}.' if path else '') for path in paths)
    return next(filter(None, found), {})


def _config(layer: RepConv2d, weights: Weights, exactly: bool) -> dict:
    """Return the config of a layer for weights, its own if they tell none."""
    config = layer.config()
    if PLAIN.issuperset(weights) and not exactly:
        return config
    options = read(layer, weights)
    return config if options is None else dict(type=config['type'], **options)


def _options(config: dict) -> dict:
    return {name: value for name, value in config.items() if name != 'type'}
