"""New branches and norms for a block that is there."""
from functools import partial
from typing import Dict, Optional, Sequence, Union

from torch import nn

from .branch import Branch, kind_of
from .branch_names import fits
from .geometry import like
from .inner import with_norms
from .norms import batch_norm
from .rep_conv import RepConv2d

NormCfg = Union[dict, bool]


def branches(block: RepConv2d, options: Dict[str, dict],
             norm_cfg: NormCfg) -> Dict[str, Branch]:
    """Return the branches that a block has already or can have.

    Args:
        block: The block, which stays as it is.
        options: Options of each branch, in order.
        norm_cfg: Config of their norms, False for none.
    """
    there = dict(block.branches)
    return {
        name: _branch(block, there.get(name), name, own, norm_cfg)
        for name, own in options.items()
        if name in there or fits(name, block.geometry, bool(norm_cfg))
    }


def norms(block: RepConv2d, names: Sequence[str],
          norm_cfg: dict) -> Dict[str, Optional[nn.Module]]:
    """Return the norms behind the kxk and the sum, by their places.

    Args:
        block: The block, which stays as it is.
        names: Parts with a norm, out of ``kxk`` and ``sum``.
        norm_cfg: Config of the new norms.
    """
    there = dict(kxk=('norm', block.norm), sum=('sum_norm', block.sum_norm))
    return {
        place: (norm or _new_norm(block, norm_cfg, block.out_channels))
        if name in names else None
        for name, (place, norm) in there.items()
    }


def _branch(block: RepConv2d, there: Optional[Branch], name: str,
            options: dict, norm_cfg: NormCfg) -> Branch:
    """Return the branch that is there, if it is the same, or a new one."""
    kind = kind_of(name)
    for place in kind.places:
        if options.get(place):
            inner = with_norms(options[place], norm_cfg)
            options = {**options, place: inner}
    same_norms = there is not None and (there.norm is None) != bool(norm_cfg)
    if same_norms and options.items() <= there.options().items():
        return there
    norm = partial(_new_norm, block, norm_cfg) if norm_cfg else None
    made = kind(name, block.geometry, norm, options, like(block.origin))
    made.reset_parameters()
    return made


def _new_norm(block: RepConv2d, norm_cfg: dict, channels: int) -> nn.Module:
    return batch_norm(norm_cfg, channels).to(block.origin)
