"""RepVGG's block and the forms that others made of it."""
from typing import Optional, Sequence

import torch
from mmengine.registry import MODELS

from .branched import BranchedConv2d
from .orepa import OREPAConv2d


@MODELS.register_module()
class RepVGGConv2d(BranchedConv2d):
    """``norm(conv_kxk(x)) + norm(conv_1x1(x)) + norm(x)``.

    Ding et al., RepVGG: Making VGG-style ConvNets Great Again, CVPR 2021,
    section 3.2. The ablations of its table 7 are options: ``branches='1x1'``
    or ``'identity'`` alone, and ``norms='sum'`` for the post-addition norm.
    See :class:`BranchedConv2d` for the arguments.

    Examples:
        >>> import mmrep
        >>> list(mmrep.RepVGGConv2d(8, 8, 3, padding=1).branches)
        ['1x1', 'identity']
        >>> list(mmrep.RepVGGConv2d(8, 8, 3, stride=2, padding=1).branches)
        ['1x1']
    """

    def default_branches(self) -> Sequence[str]:
        return '1x1', 'identity'


@MODELS.register_module()
class QARepVGGConv2d(RepVGGConv2d):
    """``norm(norm(conv_kxk(x)) + conv_1x1(x) + x)``, for INT8.

    Chu et al., Make RepVGG Greater Again: A Quantization-aware Approach, AAAI
    2024, section 4: without norms in the 1x1 and the identity, and with one
    after the sum, the fused weights spread less.

    Examples:
        >>> import mmrep
        >>> layer = mmrep.QARepVGGConv2d(8, 8, 3, padding=1)
        >>> [type(norm).__name__ for norm in layer.norms_inside()]
        ['BatchNorm2d', 'BatchNorm2d']
    """

    default_norms = ('kxk', 'sum')


@MODELS.register_module()
class OREPAVGGConv2d(RepVGGConv2d):
    """A RepVGG block whose kxk is an OREPA block without its own 1x1.

    Hu et al., Online Convolutional Re-parameterization, CVPR 2022, section
    4.3 and the official implementation. Its weights start by Kaiming's rule
    for a linear convolution: a fan-in of n gives them a variance of 1 / n;
    those of :class:`OREPAConv2d` by itself have 2 / n.

    Examples:
        >>> import mmrep
        >>> layer = mmrep.OREPAVGGConv2d(8, 8, 3, padding=1)
        >>> type(layer.kxk).__name__, list(layer.branches)
        ('OREPAConv2d', ['1x1', 'identity'])
    """

    def default_kxk(self) -> Optional[dict]:
        if not self._has_sums:
            return dict(type='OREPAConv2d')
        names = ['origin', 'average', 'prior', '1x1_kxk', 'separable']
        # twice as many where it is depthwise, unlike OREPA by itself
        wide = 1 if self.groups < self.out_channels else 2
        return dict(
            type='OREPAConv2d',
            branches=names,
            internal_channels=wide * self.in_channels)

    @torch.no_grad()
    def _reset_own(self) -> None:
        super()._reset_own()
        if isinstance(self.kxk, OREPAConv2d) and self._has_sums:
            for weight in (self.kxk.weight, *self.kxk.branches.parameters()):
                weight.mul_(.5**.5)

    @property
    def _has_sums(self) -> bool:
        """True if OREPA has neither a product nor a stem for this size."""
        return 1 < max(self.kernel_size) < 7
