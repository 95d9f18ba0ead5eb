"""Blocks that add features, branch by branch."""
import math
from typing import Dict, List, Optional, Sequence, Union

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn
from torch.fx import Proxy
from torch.nn import init

from .. import kernel as K
from ..compat.batch_norms import run_norm
from ..compat.tracing import as_leaf, is_transformed
from ..kernel import Kernel
from . import inner, parts
from .bound_parts import Parts, bound_parts, plain_parts
from .branch import Branch
from .branch_names import NORMS, Branches, check_branches
from .from_names import read_branched
from .frozen_norms import reset_norm
from .loading import Foreign
from .norm_cfg import actual_cfg
from .norms import plain_cfg
from .rep_conv import Device, RepConv2d, Size


@MODELS.register_module()
class BranchedConv2d(RepConv2d):
    """``sum_norm(norm(conv_kxk(x)) + sum_b branch_b(x)) + bias``.

    With all norms in eval mode the block runs as one convolution, which can
    be differentiated; else branch by branch. Names of branches:

    - ``1x1``, ``1xk``, ``kx1``: a smaller kernel around the same centre;
    - ``3x3``, ``5x5_d2``, ...: the same, named by its size and by its
      dilation as a multiple of the block's;
    - ``kxk_1``, ``kxk_2``, ...: a further kernel of full size;
    - ``1x1_kxk``, ``1x1_average``: 1x1, norm, then kxk or the mean;
    - ``identity``.

    The block leaves out branches that a convolution cannot have, or that
    would repeat its kxk: the identity where stride or channels change, all
    smaller kernels in a 1x1.

    Its parts are ``kxk``, ``norm``, ``branches`` and ``sum_norm``. The kxk
    kernel is ``weight``; a block ``kxk`` may stand in its place. The first
    eleven arguments are those of ``nn.Conv2d``.

    Args:
        in_channels: Number of input channels.
        out_channels: Number of output channels.
        kernel_size: Height and width of the kernel, in pixels.
        stride: Step of the kernel, in pixels. Defaults to 1.
        padding: Pixels on each side, ``same`` or ``valid``. Defaults to 0.
        dilation: Distance of the kernel's taps, in pixels. Defaults to 1.
        groups: Number of groups of channels. Defaults to 1.
        bias: True for a bias of each output channel. Defaults to True.
        padding_mode: ``zeros``, ``reflect``, ``replicate`` or ``circular``.
            Defaults to ``zeros``.
        device: Device of the parameters. Defaults to PyTorch's default.
        dtype: Data type of the parameters. Defaults to PyTorch's default.
        branches: Names of the branches beside the kxk, or their options by
            name. Defaults to the block's own.
        norms: Parts with a norm, out of ``kxk``, ``branches`` and ``sum``.
            Defaults to the block's own.
        norm_cfg: Config of a batch norm. Defaults to dict(type='BN').
        kxk: Config of a block in place of the kxk kernel, False for none.
            Defaults to the block's own.

    Raises:
        ValueError: A branch or a norm is unknown, or an argument of
            ``nn.Conv2d`` is impossible.
        TypeError: ``norm_cfg`` is no batch norm with running statistics.

    Examples:
        >>> import mmrep
        >>> layer = mmrep.BranchedConv2d(
        ...     8, 8, 5, padding=2, branches=('1x1', '3x3_d2'))
        >>> list(layer.branches)
        ['1x1', '3x3_d2']
    """

    default_norms = ('kxk', 'branches')

    def __init__(self,
                 in_channels: int,
                 out_channels: int,
                 kernel_size: Size,
                 stride: Size = 1,
                 padding: Union[Size, str] = 0,
                 dilation: Size = 1,
                 groups: int = 1,
                 bias: bool = True,
                 padding_mode: str = 'zeros',
                 device: Device = None,
                 dtype: Optional[torch.dtype] = None,
                 *,
                 branches: Optional[Branches] = None,
                 norms: Optional[Sequence[str]] = None,
                 norm_cfg: dict = dict(type='BN'),
                 kxk: Union[dict, bool, None] = None) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride,
                         padding, dilation, groups, bias, padding_mode, device,
                         dtype)
        self.built_norm_cfg = plain_cfg(norm_cfg)
        self.kxk = self.norm = self.sum_norm = None
        self.branches = nn.ModuleDict()
        self.set_options(
            self.default_branches() if branches is None else branches,
            self.default_norms if norms is None else norms,
            kxk=self.default_kxk() if kxk is None else kxk)
        self._reset_own()

    # A family of blocks implements these.

    def default_branches(self) -> Sequence[str]:
        """Return the names of the paper's branches, beside the kxk."""
        return ()

    def default_kxk(self) -> Optional[dict]:
        """Return the config of a block in place of the kxk, or None."""
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
        parts = self._parts()
        if parts.nests:
            inner.hand_on_geometry(self)
        out = parts.kxk(input)
        dtype = out.dtype  # as of a convolution, under autocast, too
        if parts.norm is not None:
            out = run_norm(parts.norm, out)
        for branch in parts.branches:
            out = out + branch(input)
        if parts.sum_norm is not None:
            out = run_norm(parts.sum_norm, out)
        out = self.add_bias(out)
        return out if out.dtype == dtype else out.to(dtype)

    def _parts(self) -> Parts:
        """Return the parts as functions, looked up once where they can be."""
        geometry = self.geometry
        if is_transformed(self):  # which must see each call of a module
            return plain_parts(self, geometry)
        return self._kept.bound(self, geometry, bound_parts)

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
        for branch in self.branches.values():
            if branch.norm is None and branch.cancelled_by:
                self._cancel(branch)

    def _cancel(self, branch: Branch) -> None:
        """Let another branch subtract one that nothing can zero."""
        point = self.geometry.smaller((1, 1))
        other = self.branches[branch.cancelled_by]
        other.last_weight().copy_(-branch.kernel(point).weight)

    @torch.no_grad()
    def take_bias(self, state_dict: dict, key: str) -> None:
        if self.last_norm is not None:
            self.last_norm.bias.add_(state_dict.pop(key))

    # These describe, read and change the structure.

    def options(self) -> dict:
        norms = dict(
            kxk=self.norm is not None,
            branches=any(b.norm is not None for b in self.branches.values()),
            sum=self.sum_norm is not None)
        return dict(
            branches={
                k: b.options()
                for k, b in self.branches.items()
            },
            norms=[name for name in NORMS if norms[name]],
            norm_cfg=self.norm_cfg,
            kxk=False if self.kxk is None else self.kxk.config())

    @classmethod
    def read(cls,
             weights: Dict[str, Tensor],
             block: Optional[RepConv2d] = None) -> dict:
        if block is None:  # all families of blocks have the same names
            raise Foreign
        return read_branched(weights, block)

    def set_options(self,
                    branches: Branches,
                    norms: Sequence[str],
                    norm_cfg: Optional[dict] = None,
                    kxk: Union[dict, bool] = False) -> None:
        """Give the block these branches; those that are there already stay.

        New norms take the mode of the norms around them; everything new
        takes ``requires_grad`` of the parameters that are there.
        """
        inner.hand_on_geometry(self)
        norms = (norms, ) if isinstance(norms, str) else norms
        options = check_branches(branches, norms)
        norm_cfg = plain_cfg(norm_cfg or self.norm_cfg)
        trains = self.trains
        had = {norm: norm.training for norm in self.norms_inside()}
        training = any(had.values()) if had else (self.training
                                                  and not self.norm_eval)
        # make everything that may fail before anything changes
        made = parts.branches(self, options, 'branches' in norms and norm_cfg)
        one = parts.norms(self, norms, norm_cfg)
        inner.set_kxk(self, kxk, norm_cfg)
        self.built_norm_cfg = norm_cfg
        for place, norm in one.items():
            inner.put(self, place, norm)
        self.branches.clear()
        for name, branch in made.items():
            self.branches[name] = branch.train(self.training)
        for module in self.norms_inside():
            module.train(had.get(module, training))
        if not trains:
            self.requires_grad_(False)

    @property
    def norm_cfg(self) -> dict:
        """The config of the norms inside, or of those that would be built."""
        own = [self.norm, *(b.norm for b in self.branches.values())]
        norms = (n for n in [*own, self.sum_norm] if n is not None)
        return actual_cfg(self.built_norm_cfg, next(norms, None))

    @property
    def origin(self) -> Tensor:
        return self.weight if self.kxk is None else self.kxk.origin

    def set_origin(self, weight: nn.Parameter) -> None:
        if self.kxk is None:
            self.weight = weight
        else:
            self.kxk.set_origin(weight)

    # These put blocks in place of its kernels.

    def inner_blocks(self) -> Dict[str, RepConv2d]:
        blocks = {} if self.kxk is None else dict(kxk=self.kxk)
        for branch in self.branches.values():
            blocks.update(branch.inner_blocks())
        return blocks

    def nest(self, place: str) -> RepConv2d:
        """Put a block without branches in place of a kernel.

        The result computes the same; the kernel stays the same Parameter.

        Args:
            place: Name of the kernel: ``kxk``, or ``second`` for the second
                one of the branch ``1x1_kxk``.

        Raises:
            UserError: There is no such place.
        """
        return inner.nest(self, place)

    def unnest(self, place: str) -> None:
        """Put the kernel back where a block without branches stands.

        Raises:
            UserError: No block stands there.
        """
        inner.unnest(self, place)
