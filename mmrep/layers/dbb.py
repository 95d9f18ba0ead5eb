"""Diverse Branch Block and Asymmetric Convolution Block."""
from typing import Sequence

from mmengine.registry import MODELS

from .branched import BranchedConv2d


@MODELS.register_module()
class DBBConv2d(BranchedConv2d):
    """``kxk + 1x1 + 1x1-kxk + 1x1-average``, each with a norm of its own.

    Ding et al., Diverse Branch Block, CVPR 2021, figure 2; a depthwise
    convolution has no 1x1, as in the official code. With
    ``branches=('1x1', '1x1_kxk', '1x1_average', '1xk', 'kx1', 'identity')``
    it has the seven branches of DyRep (Huang et al., CVPR 2022, section 3.1).
    The gradient through the values around the image is the true one; the
    official code leaves it out (:class:`Staged`). See :class:`BranchedConv2d`
    for the arguments.

    Examples:
        >>> import torch
        >>> import mmrep
        >>> layer = mmrep.DBBConv2d(3, 8, 3, padding=1).eval()
        >>> list(layer.branches)
        ['1x1', '1x1_kxk', '1x1_average']
        >>> x = torch.randn(1, 3, 8, 8)
        >>> torch.allclose(layer.fuse()(x), layer(x), atol=1e-5)
        True
    """

    def default_branches(self) -> Sequence[str]:
        if self.geometry.is_depthwise:
            return '1x1_kxk', '1x1_average'
        return '1x1', '1x1_kxk', '1x1_average'


@MODELS.register_module()
class ACBConv2d(BranchedConv2d):
    """``kxk + 1xk + kx1``, each with a norm of its own.

    Ding et al., ACNet, ICCV 2019, section 3.2. See :class:`BranchedConv2d`
    for the arguments.

    Examples:
        >>> import mmrep
        >>> list(mmrep.ACBConv2d(3, 8, 3, padding=1).branches)
        ['1xk', 'kx1']
    """

    def default_branches(self) -> Sequence[str]:
        return '1xk', 'kx1'
