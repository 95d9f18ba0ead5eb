"""Read the structure that weights bring along, and give it to a model."""
import re
from typing import Dict, List, Optional

from torch import Tensor, nn

from ..layers import BranchedConv2d, DBBConv2d, RepConv2d
from ..layers.loading import ORIGIN, PLAIN, Foreign, read, take
from ..layers.plain import why_not_plain
from ..nets.following import norm_cfg_at
from ..nets.walk import names, replace
from ..prefixes import under, without_module
from .describe import Structure

Weights = Dict[str, Tensor]
MARK = re.compile(r'\.(?=(branches|kxk|norm)\.)')


def structure_of(model: nn.Module,
                 weights: Weights,
                 exactly: bool = False) -> Structure:
    """Read off the names of weights which structure their model has.

    Args:
        model: That they are for, which stays as it is. What names do not
            tell, such as the types of blocks, is as it is there.
        weights: Of such a model, or of a part of it, with or without the
            ``module.`` of DDP.
        exactly: Whether layers have no branches where the weights are a
            plain convolution's; else they have their own. Defaults to False.

    Returns:
        As :func:`mmrep.structure` describes a model. Plain convolutions that
        the weights have blocks for are in it, too.
    """
    weights = without_module(weights)
    grown = _grown(model, weights)
    return {
        paths[0]:
        _config(grown.get(layer, layer), _own(paths, weights), exactly)
        for layer, paths in names(model).items()
        if layer in grown or isinstance(layer, RepConv2d)
    }


def adopt(model: nn.Module, weights: Weights, exactly: bool = False) -> bool:
    """Give a model the structure of the weights that it is to load.

    Layers stay, and so do the parameters that they still have. A net that
    DyRep evolved fits the plain net that it began as. What the convolutions
    compute changes: load the weights.

    Args:
        model: Changed in place.
        weights: See :func:`structure_of`.
        exactly: See :func:`structure_of`. Defaults to False.

    Returns:
        Whether the model has other parameters now.
    """
    wanted = structure_of(model, weights, exactly)
    enrich(model, weights)
    changed = [
        take(layer, _options(wanted[paths[0]]))
        for layer, paths in names(model).items()
        if isinstance(layer, RepConv2d) and layer.config() != wanted[paths[0]]
    ]
    return any(changed)


def enrich(model: nn.Module, weights: Weights) -> List[str]:
    """Make plain convolutions layers that weights have blocks for.

    The model computes the same. The layers take their branches over when
    they load the weights.

    Args:
        model: Changed in place.
        weights: See :func:`structure_of`.

    Returns:
        The names of the layers.
    """
    grown = _grown(model, without_module(weights))
    if not grown:  # as in most of the loading that goes through here
        return []
    found = [paths[0] for conv, paths in names(model).items() if conv in grown]
    replace(model, grown)
    return found


def block_for(model: nn.Module, conv: nn.Module) -> BranchedConv2d:
    """Make a block without branches, to stand for a plain convolution.

    Args:
        model: Tells by the norm behind the convolution which norms the block
            is to have.
        conv: The convolution, of the model.
    """
    return DBBConv2d.from_conv(
        conv, branches=(), norms=(), norm_cfg=norm_cfg_at(model, conv))


def part_of(module: nn.Module, weights: Weights) -> Optional[Weights]:
    """Find a module's weights among those of a model around it.

    Args:
        module: With convolutions, plain or rich.
        weights: Of the module itself or of a model around it.

    Returns:
        Those of the module, by their names in it; None where there are none.
    """
    first = re.escape(first_convolution(module))
    origin = re.compile(rf'(.*\.|){first}\.{ORIGIN}', re.DOTALL)
    matches = filter(None, map(origin.match, weights))
    prefix = min((match[1] for match in matches), key=len, default=None)
    return None if prefix is None else under(weights, prefix)


def first_convolution(module: nn.Module) -> str:
    """Return the name of a module's first convolution, plain or rich.

    Args:
        module: Without a convolution the name says so.
    """
    return next((paths[0] for conv, paths in names(module).items()
                 if isinstance(conv, RepConv2d) or not why_not_plain(conv)),
                '(a convolution)')


def _grown(model: nn.Module, weights: Weights) -> Dict[nn.Module, nn.Module]:
    """For each plain convolution that weights have a block for, a block."""
    # hosts have modules called `branches`, too
    marked = {
        name[:mark.start()]
        for name in weights
        for mark in MARK.finditer(name)
    }
    plain = {
        conv: marked.intersection(paths)
        for conv, paths in names(model).items() if not why_not_plain(conv)
    } if marked else {}
    blocks = {conv: block_for(model, conv) for conv in plain if plain[conv]}
    return {
        conv: block
        for conv, block in blocks.items()
        if _fits(block, _own(sorted(plain[conv]), weights))
    }


def _fits(block: DBBConv2d, weights: Weights) -> bool:
    """Whether the weights are those of such a block of this size."""
    origins = [w for n, w in weights.items() if re.match(ORIGIN, n)]
    if not origins or origins[0].shape != block.weight.shape:
        return False
    try:
        block.read_options(weights)
    except Foreign:
        return False
    return True


def _own(paths: List[str], weights: Weights) -> Weights:
    """The weights of a module of several names, by their names in it."""
    found = (under(weights, f'{path}.' if path else '') for path in paths)
    return next(filter(None, found), {})


def _config(layer: RepConv2d, weights: Weights, exactly: bool) -> dict:
    """What a layer is to be for weights; as it is where they do not say."""
    config = layer.config()
    if PLAIN.issuperset(weights) and not exactly:
        return config
    options = read(layer, weights)
    return config if options is None else dict(type=config['type'], **options)


def _options(config: dict) -> dict:
    return {name: value for name, value in config.items() if name != 'type'}
