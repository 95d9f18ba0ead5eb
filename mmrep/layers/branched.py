"""Blocks that add features, branch by branch."""
import math
from typing import List, Optional, Sequence, Union

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn
from torch.fx import Proxy
from torch.nn import init

from .. import kernel as K
from ..compat.tracing import as_leaf
from ..kernel import Kernel
from .branch_names import Branches
from .frozen_norms import reset_norm
from .norms import plain_cfg
from .structured import StructuredConv2d


@MODELS.register_module()
class BranchedConv2d(StructuredConv2d):
    """``sum_norm(norm(conv_kxk(x)) + sum_b branch_b(x)) + bias``.

    With all norms in eval mode the block runs as one convolution, which can
    be differentiated; else branch by branch. Names of branches:

    - ``1x1``, ``1xk``, ``kx1``: a smaller kernel around the same centre;
    - ``3x3``, ``5x5_d2``, ...: the same by its size and, in units of the
      block's own, its dilation;
    - ``kxk_1``, ``kxk_2``, ...: a further kernel of full size;
    - ``1x1_kxk``, ``1x1_average``: 1x1, norm, then kxk or the mean;
    - ``identity``.

    Branches that a convolution cannot have, or that would repeat its kxk,
    are left out: the identity where stride or channels change, all smaller
    kernels in a 1x1.

    Args:
        args: The arguments of ``nn.Conv2d``.
        branches: Names of the branches beside the kxk, or their options by
            name. Defaults to the block's own.
        norms: Which of ``kxk``, ``branches`` and ``sum`` have a norm.
        norm_cfg: A batch norm. Defaults to dict(type='BN').
        kxk: Config of a block in place of the kxk kernel, False for none.
            Defaults to the block's own.
        kwargs: Those of ``nn.Conv2d``, by name.

    Raises:
        ValueError: An unknown branch or norm, or one of ``nn.Conv2d``'s
            arguments is impossible.
        TypeError: ``norm_cfg`` is no batch norm with running statistics.
    """

    default_norms = ('kxk', 'branches')

    def __init__(self,
                 *args,
                 branches: Optional[Branches] = None,
                 norms: Optional[Sequence[str]] = None,
                 norm_cfg: dict = dict(type='BN'),
                 kxk: Union[dict, bool, None] = None,
                 **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.built_norm_cfg = plain_cfg(norm_cfg)
        self.kxk = self.norm = self.sum_norm = None
        self.branches = nn.ModuleDict()
        self.set_options(
            self.default_branches() if branches is None else branches,
            self.default_norms if norms is None else norms,
            kxk=self.default_kxk() if kxk is None else kxk)
        self._reset_own()

    # what a family of blocks says

    def default_branches(self) -> Sequence[str]:
        """The branches of the paper, beside the kxk."""
        return ()

    def default_kxk(self) -> Optional[dict]:
        """What stands in place of the kxk kernel."""
        return None

    def reset_parameters(self) -> None:
        for branch in self.branches.values():
            branch.reset_parameters()
        self._reset_own()

    def _reset_own(self) -> None:
        if self.kxk is None:
            init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        else:
            self.kxk.reset_parameters()
        for norm in self._own_norms():
            reset_norm(norm)
        self.reset_bias()

    def _own_norms(self) -> List[nn.Module]:
        return [n for n in (self.norm, self.sum_norm) if n is not None]

    @property
    def last_norm(self) -> Optional[nn.Module]:
        return next(iter(self._own_norms()[::-1]), None)

    def forward_branches(self, input: Tensor) -> Tensor:
        if isinstance(input, Proxy):  # the call computes the same
            return as_leaf(self, input)
        if input.dim() == 3:  # norms take batches only
            return self.forward_branches(input[None])[0]
        self._hand_on_geometry()
        geometry = self.geometry
        if self.kxk is None:
            out = geometry.conv(input, Kernel(self.weight))
        else:
            out = self.kxk(input)
        dtype = out.dtype  # a convolution's, under autocast too
        if self.norm is not None:
            out = self.norm(out)
        for branch in self.branches.values():
            out = out + branch(input, geometry)
        if self.sum_norm is not None:
            out = self.sum_norm(out)
        return self.add_bias(out).to(dtype)

    def merge(self) -> Kernel:
        geometry = self.geometry
        kernel = Kernel(self.weight) if self.kxk is None else self.kxk.kernel()
        if self.norm is not None:
            kernel = K.fold_norm(kernel, self.norm)
        kernel = K.add(kernel,
                       *[b.kernel(geometry) for b in self.branches.values()])
        if self.sum_norm is not None:
            kernel = K.fold_norm(kernel, self.sum_norm)
        return kernel

    @torch.no_grad()
    def silence(self) -> None:
        if self.kxk is not None:
            self.kxk.silence()
        for norm in self._own_norms():
            reset_norm(norm)
            norm.weight.fill_(math.sqrt(1 + norm.eps))
        for branch in self.branches.values():
            branch.silence()
        identity = dict(self.branches).get('identity')
        if identity is not None and identity.norm is None:
            point = self.geometry.smaller((1, 1))
            self.branches['1x1'].weight.copy_(-identity.kernel(point).weight)

    @torch.no_grad()
    def take_bias(self, state_dict: dict, key: str) -> None:
        if self.last_norm is not None:
            self.last_norm.bias.add_(state_dict.pop(key))
