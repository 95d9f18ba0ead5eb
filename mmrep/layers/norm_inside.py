"""Nets whose blocks end in norms of their own, with no norm behind.

Their plain form has a norm there; these functions translate between the two.
"""
import math
from typing import Iterator, NamedTuple

import torch
from mmcv.cnn import build_norm_layer
from torch import nn

from ..compat.modules import children_of
from ..errors import UserError, shown
from ..prefixes import under
from .geometry import like
from .loading import PLAIN, take_norm
from .rep_conv import RepConv2d


class NormInside(nn.Identity):
    """An identity that stands where the plain net has a norm.

    The block in front has the norms inside. Modules keep the names that they
    have in the hosts, and a fused net has a norm in its place.

    Args:
        norm_cfg: Config of the plain net's norm.
        channels: Number of channels of its features.

    Raises:
        UserError: The norm is no batch norm with running statistics.
    """

    def __init__(self, norm_cfg: dict, channels: int) -> None:
        super().__init__()
        self.norm_cfg, self.channels = norm_cfg, channels
        if getattr(self.norm(), 'running_mean', None) is None:
            raise UserError(
                f'`norm_cfg` (={shown(norm_cfg)}) must be a batch norm with '
                'running statistics where no norm stands behind a block: set '
                '`norm_behind=True`')

    def norm(self) -> nn.Module:
        """Build the norm of the plain net, with its first values."""
        return build_norm_layer(self.norm_cfg, self.channels)[1]

    @torch.no_grad()
    def take_bias(self, conv: nn.Conv2d) -> nn.Module:
        """Move the bias of ``conv`` into a norm, and return that.

        The norm is ``x -> x + bias`` in eval mode.
        """
        norm = self.norm().to(**like(conv.weight)).train(conv.training)
        norm.weight.fill_(math.sqrt(1 + norm.eps))
        if conv.bias is not None:
            norm.bias.copy_(conv.bias)
            conv.bias = None
        return norm.requires_grad_(norm.weight.requires_grad
                                   and conv.weight.requires_grad)

    def extra_repr(self) -> str:
        return f'{self.channels}, norm_cfg={self.norm_cfg}'


class Neighbours(NamedTuple):
    """A convolution and the module behind it, with their names."""

    parent: nn.Module
    conv_name: str
    norm_name: str
    prefix: str  # prefix of both in a state dict

    @property
    def conv(self) -> nn.Module:
        return children_of(self.parent)[self.conv_name]

    @property
    def norm(self) -> nn.Module:
        return children_of(self.parent)[self.norm_name]


def pairs(net: nn.Module, prefix: str = '') -> Iterator[Neighbours]:
    """Yield the neighbours in every module, in order, outside of blocks."""
    children = {n: c for n, c in children_of(net).items() if c is not None}
    for first, second in zip(children, list(children)[1:]):
        yield Neighbours(net, first, second, prefix)
    for name, child in children.items():
        if not isinstance(child, RepConv2d):
            yield from pairs(child, f'{prefix}{name}.')


def put_norms_back(fused: nn.Module) -> None:
    """Give a fused net the norms of the plain one, in place."""
    for pair in list(pairs(fused)):
        place = pair.norm
        if isinstance(place, NormInside) and isinstance(pair.conv, nn.Conv2d):
            children_of(pair.parent)[pair.norm_name] = place.take_bias(
                pair.conv)


def adapt_norms(net: nn.Module, state_dict: dict, prefix: str) -> None:
    """Fit the weights of a plain net to one without norms behind its blocks.

    The norms go into the blocks, which then compute what convolution and norm
    did, in training mode, too.

    Args:
        net: The net that is about to load.
        state_dict: State dict of a whole model, changed in place.
        prefix: Prefix of the net's names in it.

    Raises:
        UserError: The state dict has norms behind blocks and the net has
            none there, or the other way round.
    """
    for pair in pairs(net, prefix):
        conv, inside = pair.conv, isinstance(pair.norm, NormInside)
        if not isinstance(conv, RepConv2d) or conv.last_norm is None:
            continue
        start = f'{pair.prefix}{pair.conv_name}.'
        weights = under(state_dict, start)
        behind = f'{pair.prefix}{pair.norm_name}.'
        there = f'{behind}running_mean' in state_dict
        rich = not PLAIN.issuperset(weights)
        if inside and there and rich:
            raise UserError(
                f'the checkpoint has a norm {behind[:-1]!r} behind a block, '
                f'this {type(net).__name__} has none: build it with '
                '`norm_behind=True`')
        if inside and there and 'weight' in weights:
            take_norm(conv, state_dict, start, behind,
                      getattr(pair.norm.norm(), 'eps', 1e-5))
        elif not inside and rich and not there and (getattr(
                pair.norm, 'running_mean', None) is not None):
            raise UserError(
                f'the checkpoint has no norm {behind[:-1]!r} behind a block, '
                f'this {type(net).__name__} has one: build it with '
                '`norm_behind=False`')
