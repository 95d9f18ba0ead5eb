"""Blocks in place of plain convolutions, where weights are those of blocks."""
import re
from typing import Dict, List

from torch import Tensor, nn

from ..checkpoints.wrappers import without_module
from ..layers import BranchedConv2d, DBBConv2d, RepConv2d
from ..layers.from_names import Foreign
from ..layers.loading import ORIGIN, PLAIN, take_over
from ..layers.plain import why_not_plain
from ..nets.following import norm_cfg_at
from ..nets.walk import names, replace

MARK = re.compile(r'\.(?=(branches|kxk|norm)\.)')


def adopt(model: nn.Module,
          state_dict: Dict[str, Tensor],
          exactly: bool = False) -> bool:
    """Have the structure of the weights that are to be loaded.

    Layers take their branches over, and so do plain convolutions that the
    weights have blocks for: a net that DyRep evolved fits the plain net that
    it began as. What these convolutions compute changes: load the weights.

    Args:
        model: Changed in place.
        state_dict: Of such a model, or of a part of it.
        exactly: Whether layers lose their branches where the weights are a
            plain convolution's; else they keep them, silent once these are
            loaded. Defaults to False.

    Returns:
        Whether the model has other parameters now.
    """
    state_dict = without_module(state_dict)
    enrich(model, state_dict)
    weights = {
        layer: weights_of(paths[0], state_dict)
        for layer, paths in names(model).items()
        if isinstance(layer, RepConv2d)
    }
    changed = [
        take_over(layer, own) for layer, own in weights.items()
        if exactly or not PLAIN.issuperset(own)
    ]
    return any(changed)


def enrich(model: nn.Module, state_dict: Dict[str, Tensor]) -> List[str]:
    """Make plain convolutions layers that weights have blocks for.

    The model computes the same. The layers take the branches over when they
    load ``state_dict``.

    Returns:
        The names of the layers.
    """
    state_dict = without_module(state_dict)
    # hosts have modules called `branches`, too
    rich = dict.fromkeys(name[:mark.start()] for name in state_dict
                         for mark in MARK.finditer(name))
    if not rich:  # as in most of the loading that goes through here
        return []
    plain = {
        path: module
        for module, paths in names(model).items()
        for path in paths if not why_not_plain(module)
    }
    blocks = {
        name: block_for(model, plain[name])
        for name in rich if name in plain
    }
    found = [
        name for name, block in blocks.items()
        if _fits(block, weights_of(name, state_dict))
    ]
    replace(model, {plain[name]: blocks[name] for name in found})
    return found


def block_for(model: nn.Module, conv: nn.Module) -> BranchedConv2d:
    """A block without branches, to stand for a plain convolution."""
    return DBBConv2d.from_conv(
        conv, branches=(), norms=(), norm_cfg=norm_cfg_at(model, conv))


def weights_of(name: str, state_dict: Dict[str, Tensor]) -> Dict[str, Tensor]:
    """The weights of a module, by their names in it."""
    start = len(name) + 1
    return {
        key[start:]: tensor
        for key, tensor in state_dict.items() if key.startswith(f'{name}.')
    }


def _fits(block: DBBConv2d, weights: Dict[str, Tensor]) -> bool:
    """Whether the weights are those of such a block of this size."""
    origins = [w for n, w in weights.items() if re.match(ORIGIN, n)]
    if not origins or origins[0].shape != block.weight.shape:
        return False
    try:
        block.read_options(weights)
    except Foreign:
        return False
    return True
