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
    it has the seven of DyRep (Huang et al., CVPR 2022, section 3.1). The
    gradient through what lies around the image is the true one, which the
    official code leaves out (:class:`Staged`). See :class:`BranchedConv2d`
    for the arguments.
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
    """

    def default_branches(self) -> Sequence[str]:
        return '1xk', 'kx1'
