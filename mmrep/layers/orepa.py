"""OREPA: a block whose branches are summed as kernels, not as features.

Hu et al., Online Convolutional Re-parameterization, CVPR 2022. All branches
are linear and end in a scaling (section 3.2), so that training needs one
convolution, with ``sum_b scale[b] * kernel_b`` (section 3.3, equation 4). The
norm after the addition stays outside of the layer.
"""
from typing import Dict, Iterable, Optional, Sequence, Tuple, Union

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn
from torch.fx import Proxy
from torch.nn import init

from .. import kernel as K
from ..compat.compiling import is_compiling, is_functional
from ..compat.modules import parameters_of
from ..compat.tracing import as_leaf
from ..kernel import Kernel
from ..prefixes import under
from .from_names import branches_in
from .geometry import like
from .loading import Foreign
from .orepa_branch import KERNEL_BRANCHES, KernelBranch
from .orepa_names import (Size, check_channels, choose, default_channels,
                          initial_scales, stem_sizes)
from .orepa_stem import Stem
from .orepa_sum import Plan, Sum, factors_of, plan_of
from .rep_conv import Device, RepConv2d
from .staged import channels_of

SCALINGS = ('vector', 'scalar', 'none')


@MODELS.register_module()
class OREPAConv2d(RepConv2d):
    """A convolution as the online sum of OREPA's branches.

    Its branches depend on the larger side of the kernel, in pixels:

    - 1: ``origin`` and ``product`` (Rep-1x1, section 3.5);
    - 2 to 6: ``origin``, ``average``, ``prior`` (frequency prior filter),
      ``1x1_kxk``, ``1x1`` and ``separable``;
    - 7 and more: ``stem``, the linear deep stem, a product of 3x3 blocks;
      ``plain_stem``, a product of plain 3x3 kernels that is also in the
      official code, can stand in its place, and ``origin`` can be added.

    Without an ``origin`` branch, ``weight`` is a constant, zero until a plain
    convolution's checkpoint is loaded. The first eleven arguments are those
    of ``nn.Conv2d``.

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
        branches: Names of the branches. Defaults to all of them, from a side
            of 7 on to ``stem`` alone.
        scaling: ``vector`` (a factor per output channel), ``scalar`` (one
            per branch) or ``none``, as in the paper's table 3. Defaults to
            ``vector``.
        internal_channels: Number of channels between the kernels of
            ``1x1_kxk``, a multiple of ``in_channels``. Defaults to the
            official rule: ``in_channels``, from 5 groups on twice as many.

    Raises:
        ValueError: A branch or the scaling is unknown, or an argument of
            ``nn.Conv2d`` is impossible.

    Examples:
        >>> import torch
        >>> import mmrep
        >>> layer = mmrep.OREPAConv2d(3, 8, 3, padding=1)
        >>> weight, _ = layer.kernel()  # the sum of all branches
        >>> tuple(weight.shape)
        (8, 3, 3, 3)
        >>> x = torch.randn(1, 3, 8, 8)
        >>> torch.allclose(layer.fuse()(x), layer(x), atol=1e-5)
        True
    """

    def __init__(self,
                 in_channels: int,
                 out_channels: int,
                 kernel_size: Union[int, Size],
                 stride: Union[int, Size] = 1,
                 padding: Union[int, Size, str] = 0,
                 dilation: Union[int, Size] = 1,
                 groups: int = 1,
                 bias: bool = True,
                 padding_mode: str = 'zeros',
                 device: Device = None,
                 dtype: Optional[torch.dtype] = None,
                 *,
                 branches: Optional[Sequence[str]] = None,
                 scaling: str = 'vector',
                 internal_channels: Optional[int] = None) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride,
                         padding, dilation, groups, bias, padding_mode, device,
                         dtype)
        self.names = ['origin']
        self.branches = nn.ModuleDict()
        self.register_parameter('scale', None)
        self.scaling = self._plan = self.internal_channels = None
        self.set_options(branches, scaling, internal_channels)
        self._reset_own()

    def options(self) -> dict:
        options = dict(branches=list(self.names), scaling=self.scaling)
        if self.internal_channels is not None:  # another rule than OREPA's
            options['internal_channels'] = self.internal_channels
        return options

    def set_options(self,
                    branches: Optional[Sequence[str]] = None,
                    scaling: str = 'vector',
                    internal_channels: Optional[int] = None) -> None:
        """Give the block these branches; those already there stay."""
        if scaling not in SCALINGS:
            raise ValueError(
                f'`scaling` (={scaling!r}) must be one of {SCALINGS}')
        names, trains = choose(branches, self.kernel_size), self.trains
        channels = self._own_channels(names, internal_channels)
        wanted = (names, scaling, channels)
        if wanted == (self.names, self.scaling, self.internal_channels):
            return
        old = {} if self.scale is None else dict(
            zip(self.names, self.scale.detach()))
        self.names, self.scaling, self._plan = names, scaling, None
        self._set_weight('origin' in names, trains)
        kept = dict(self.branches)
        if channels != self.internal_channels:
            kept.pop('1x1_kxk', None)
            self.internal_channels = channels
        self.branches.clear()
        for name in names:
            if name != 'origin':
                self.branches[name] = kept.get(name) or self._branch(
                    name).requires_grad_(trains)
        width = 0 if scaling == 'none' or len(names) == 1 else (
            self.out_channels if scaling == 'vector' else 1)
        self._set_scale(old, width, trains)

    def _own_channels(self, names: Sequence[str],
                      channels: Optional[int]) -> Optional[int]:
        """Return the channels asked for, None if they agree with the rule.

        Layers without a ``1x1_kxk`` then have the config of those with one.
        """
        default = default_channels(self.in_channels, self.groups)
        if channels is not None:
            check_channels(channels, self.in_channels)
        return channels if '1x1_kxk' in names and channels != default else None

    def _set_scale(self, old: Dict[str, Tensor], width: int,
                   trains: bool) -> None:
        """Set the scales of new branches to one; the others stay."""
        if not width:
            self.scale = None
            return
        rows = self.weight.new_ones(len(self.names), width)
        for row, name in zip(rows, self.names):
            if name in old and old[name].shape == row.shape:
                row.copy_(old[name])
        self.scale = nn.Parameter(rows, trains)

    def set_origin(self, weight: nn.Parameter) -> None:
        """Set the weight, and make the origin a branch, as it trains."""
        if 'origin' not in self.names:
            options = dict(self.options(), branches=['origin', *self.names])
            self.set_options(**options)
        self.weight = weight

    def _set_weight(self, is_branch: bool, trains: bool) -> None:
        """Make the weight a parameter, or a constant if it is no branch."""
        weight = self.weight.detach()
        if is_branch and not isinstance(self.weight, nn.Parameter):
            del self.weight
            self.weight = nn.Parameter(weight, trains)
            for name in ('bias', 'scale'):  # their order is always the same
                own = parameters_of(self)
                own[name] = own.pop(name)
        elif not is_branch and isinstance(self.weight, nn.Parameter):
            del self.weight
            self.register_buffer('weight', torch.zeros_like(weight))

    @classmethod
    def read(cls,
             weights: Dict[str, Tensor],
             block: Optional[RepConv2d] = None) -> dict:
        """Return the options of the OREPA block that saved these weights.

        The weights do not tell whether the origin is a branch where nothing
        is scaled; the block that is to load them does.
        """
        branches, weight = branches_in(weights), weights.get('weight')
        normed = any(key.endswith('norm.weight') for key in weights)
        known = KERNEL_BRANCHES.module_dict if block is None else (
            initial_scales(block.kernel_size))
        if normed or weight is None or weight.dim() != 4 or (
                not branches
                and block is None) or not set(branches).issubset(known):
            raise Foreign
        has_origin, scaling = _scaling(
            weights, len(branches),
            'origin' in block.names if block else False,
            block.scaling if block else SCALINGS[0])
        channels = channels_of(under(
            weights, 'branches.1x1_kxk.')) if '1x1_kxk' in branches else None
        return dict(
            branches=['origin'] * has_origin + branches,
            scaling=scaling,
            internal_channels=channels)

    def _branch(self, name: str) -> KernelBranch:
        branch = KERNEL_BRANCHES.module_dict[name](
            self.in_channels, self.out_channels, self.kernel_size, self.groups,
            self.scaling, self.internal_channels, **like(self.weight))
        if not branch.starts_reset:  # draws no random numbers twice
            branch.reset_parameters()
        return branch

    def reset_parameters(self) -> None:
        for branch in self.branches.values():
            branch.reset_parameters()
        self._reset_own()

    def _reset_own(self) -> None:
        pointwise = self.kernel_size == (1, 1)
        if isinstance(self.weight, nn.Parameter):
            init.kaiming_uniform_(self.weight, a=1 if pointwise else 0)
        if self.scale is not None:
            values = initial_scales(self.kernel_size)
            with torch.no_grad():
                for row, name in zip(self.scale, self.names):
                    row.fill_(values[name])
        self.reset_bias()

    def branch_kernels(self) -> Iterable[Kernel]:
        """Yield the scaled kernel of each branch, and the constant, if any.

        Their sum is :meth:`kernel` without the bias, in the straightforward
        form.
        """
        for i, name in enumerate(self.names):
            term = Kernel(
                self.weight) if name == 'origin' else self.branches[name]()
            yield term if self.scale is None else K.scale(term, self.scale[i])
        if 'origin' not in self.names:
            yield Kernel(self.weight)

    def merge(self) -> Kernel:
        traced = is_functional() or is_compiling() or torch.jit.is_tracing()
        plan = None if traced else self.plan()
        if plan is None:
            return super().merge()
        return Kernel(
            Sum.apply(plan, self.weight, self._scale_with_origin(),
                      *factors_of(plan, dict(self.branches))))

    def plan(self) -> Optional[Plan]:
        """Return the terms of the branches, None if one has a kernel only."""
        if self._plan is None and self.branches:
            self._plan = plan_of(dict(self.branches))
        return self._plan

    def _scale_with_origin(self) -> Tensor:
        """Return all branches' scales, one for a weight that has none.

        They are (branches, out_channels), the weight's first."""
        scale = self.scale
        if scale is None:
            scale = self.weight.new_ones(len(self.branches) + 1, 1)
        elif 'origin' not in self.names:
            scale = torch.cat([torch.ones_like(scale[:1]), scale])
        return scale.expand(-1, self.out_channels)

    def forward_branches(self, input: Tensor) -> Tensor:
        if isinstance(input, Proxy):  # the call computes the same
            return as_leaf(self, input)
        return super().forward_branches(input)

    @torch.no_grad()
    def silence(self) -> None:
        if self.scale is None:
            for branch in self.branches.values():
                branch.silence()
            return
        self.scale.zero_()
        if 'origin' in self.names:
            self.scale[self.names.index('origin')] = 1


@KERNEL_BRANCHES.register_module('stem')
class LinearDeepStem(Stem):
    """The linear deep stem: a product of OREPA's own 3x3 blocks."""

    order = 10
    starts_reset = True

    def build(self, in_per_group: int) -> None:
        self.factors = nn.ModuleList()
        in_channels = self.in_channels
        for size in stem_sizes(self.kernel_size):
            self.factors.append(
                OREPAConv2d(
                    in_channels,
                    self.out_channels,
                    size,
                    groups=self.groups,
                    bias=False,
                    scaling=self.scaling,
                    **self.factory))
            in_channels = self.out_channels

    def reset_parameters(self) -> None:
        for factor in self.factors:
            factor.reset_parameters()

    def silence(self) -> None:
        self.factors[-1].silence()
        init.zeros_(self.factors[-1].weight)

    def factor_kernels(self) -> Iterable[Kernel]:
        return [factor.kernel() for factor in self.factors]


def _scaling(weights: Dict[str, Tensor], branches: int, has_origin: bool,
             scaling: str) -> Tuple[bool, str]:
    """Return True if the origin is a branch, and the scaling of branches.

    Args:
        weights: Tensors by their names in the block.
        branches: Number of branches, without the origin.
        has_origin: Value that is returned where nothing is scaled.
        scaling: Value that is returned where the weights do not tell.

    Raises:
        Foreign: The scales are of another number of branches.
    """
    scale = weights.get('scale')
    if scale is None:
        several = branches + has_origin > 1
        return has_origin, 'none' if several else scaling
    if scale.dim() != 2 or not 0 <= len(scale) - branches <= 1:
        raise Foreign
    channels = len(weights['weight'])
    if channels > 1 or scaling == 'none':  # else both look the same
        scaling = 'vector' if scale.size(1) == channels else 'scalar'
    return len(scale) > branches, scaling
