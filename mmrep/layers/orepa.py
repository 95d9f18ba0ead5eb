"""OREPA: a block whose branches are summed as kernels, not as features.

Hu et al., Online Convolutional Re-parameterization, CVPR 2022. All branches
are linear and end in a scaling (section 3.2), so that training needs one
convolution, with ``sum_b scale[b] * kernel_b`` (section 3.3, equation 4). The
norm after the addition stays outside of the layer.
"""
from functools import reduce
from typing import Dict, Iterable, Optional, Sequence

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn
from torch.fx import Proxy
from torch.nn import init

from .. import kernel as K
from ..compat.compiling import is_compiling, is_functional
from ..compat.tracing import as_leaf
from ..kernel import Kernel
from .from_names import Foreign, read_orepa
from .geometry import like
from .orepa_branches import (Average, Pointwise, PointwiseKxK, Prior, Product,
                             Separable)
from .orepa_names import (STEMS, check_channels, choose, default_channels,
                          initial_scales, stem_sizes)
from .orepa_stem import PlainStem
from .orepa_sum import Sum, factors_of, plan_of
from .rep_conv import RepConv2d

SCALINGS = ('vector', 'scalar', 'none')
BRANCHES = {
    'average': Average,
    'prior': Prior,
    '1x1_kxk': PointwiseKxK,
    '1x1': Pointwise,
    'separable': Separable,
    'product': Product,
    'plain_stem': PlainStem,
}


@MODELS.register_module()
class OREPAConv2d(RepConv2d):
    """A convolution as the online sum of OREPA's branches.

    What it is made of depends on the larger side of the kernel:

    - 1: ``origin`` and ``product`` (Rep-1x1, section 3.5);
    - 2 to 6: ``origin``, ``average``, ``prior`` (frequency prior filter),
      ``1x1_kxk``, ``1x1`` and ``separable``;
    - 7 and more: ``stem``, the linear deep stem, a product of 3x3 blocks;
      ``plain_stem``, one of plain 3x3 kernels, as the official code also
      has it, can stand in its place, ``origin`` be added.

    Without an ``origin`` branch, ``weight`` is a constant, zero until a plain
    convolution's checkpoint is loaded.

    Args:
        args: The arguments of ``nn.Conv2d``.
        branches: Names of the branches, all by default.
        scaling: ``vector`` (a factor per output channel), ``scalar`` (one
            per branch) or ``none``, the paper's table 3.
        internal_channels: Between the kernels of ``1x1_kxk``, a multiple of
            ``in_channels``. Defaults to the official rule: ``in_channels``,
            from 5 groups on twice as many.
        kwargs: Those of ``nn.Conv2d``, by name.

    Raises:
        ValueError: An unknown branch or scaling, or one of ``nn.Conv2d``'s
            arguments is impossible.
    """

    def __init__(self,
                 *args,
                 branches: Optional[Sequence[str]] = None,
                 scaling: str = 'vector',
                 internal_channels: Optional[int] = None,
                 **kwargs) -> None:
        super().__init__(*args, **kwargs)
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
        """Have these branches; those that are there already stay."""
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
        """The channels that are asked for, None if all agrees with the rule.

        Layers without such a branch share their config with those with one.
        """
        default = default_channels(self.in_channels, self.groups)
        if channels is not None:
            check_channels(channels, self.in_channels)
        return channels if '1x1_kxk' in names and channels != default else None

    def _set_scale(self, old: Dict[str, Tensor], width: int,
                   trains: bool) -> None:
        """Scales of one for what is new, the others stay."""
        if not width:
            self.scale = None
            return
        rows = self.weight.new_ones(len(self.names), width)
        for row, name in zip(rows, self.names):
            if name in old and old[name].shape == row.shape:
                row.copy_(old[name])
        self.scale = nn.Parameter(rows, trains)

    def set_origin(self, weight: nn.Parameter) -> None:
        """The weight is to train, so the origin becomes a branch."""
        if 'origin' not in self.names:
            options = dict(self.options(), branches=['origin', *self.names])
            self.set_options(**options)
        self.weight = weight

    def _set_weight(self, is_branch: bool, trains: bool) -> None:
        """A parameter, or a constant where there is no origin branch."""
        weight = self.weight.detach()
        if is_branch and not isinstance(self.weight, nn.Parameter):
            del self.weight
            self.weight = nn.Parameter(weight, trains)
            for name in ('bias', 'scale'):  # their order is always the same
                self._parameters[name] = self._parameters.pop(name)
        elif not is_branch and isinstance(self.weight, nn.Parameter):
            del self.weight
            self.register_buffer('weight', torch.zeros_like(weight))

    def read_options(self, weights: Dict[str, Tensor]) -> dict:
        options = read_orepa(weights, self.names, self.scaling)
        if not set(options['branches']) <= set(
                initial_scales(self.kernel_size)):
            raise Foreign
        return options

    def _branch(self, name: str) -> nn.Module:
        shape = (self.in_channels, self.out_channels, self.kernel_size,
                 self.groups)
        factory = like(self.weight)
        if name == 'stem':
            return Stem(*shape, scaling=self.scaling, **factory)
        if name == '1x1_kxk':
            factory['channels'] = self.internal_channels or default_channels(
                self.in_channels, self.groups)
        branch = BRANCHES[name](*shape, **factory)
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
        """The scaled kernel of each branch, and the constant if there is.

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
        traced = (is_compiling() or torch.jit.is_tracing() or is_functional())
        if traced or not self.branches or not self.branches.keys().isdisjoint(
                STEMS):
            return K.add(*self.branch_kernels())
        branches = dict(self.branches)
        if self._plan is None:
            self._plan = plan_of(branches)
        return Kernel(
            Sum.apply(self._plan, self.weight, self._scale_with_origin(),
                      *factors_of(self._plan, branches)))

    def _scale_with_origin(self) -> Tensor:
        """Those of each output channel, one where the weight has none."""
        scale = self.scale
        if scale is None:
            scale = self.weight.new_ones(len(self.branches) + 1, 1)
        elif 'origin' not in self.names:
            scale = torch.cat([torch.ones_like(scale[:1]), scale])
        return scale.expand(-1, self.out_channels)

    def forward_branches(self, input: Tensor) -> Tensor:
        if isinstance(input, Proxy):  # the call computes the same
            return as_leaf(self, input)
        return self.add_bias(
            sum(
                self.geometry.conv(input, kernel)
                for kernel in self.branch_kernels()))

    @torch.no_grad()
    def silence(self) -> None:
        if self.scale is None:
            for branch in self.branches.values():
                branch.silence()
            return
        self.scale.zero_()
        if 'origin' in self.names:
            self.scale[self.names.index('origin')] = 1


class Stem(nn.Module):
    """The linear deep stem: 3x3 blocks whose kernels compose to a large one.

    Section 3.5. The blocks run from ``in_channels`` to ``out_channels`` and
    keep that width.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size,
                 groups: int, **options) -> None:
        super().__init__()
        self.groups = groups
        self.factors = nn.ModuleList()
        for size in stem_sizes(kernel_size):
            self.factors.append(
                OREPAConv2d(
                    in_channels,
                    out_channels,
                    size,
                    groups=groups,
                    bias=False,
                    **options))
            in_channels = out_channels

    def reset_parameters(self) -> None:
        for factor in self.factors:
            factor.reset_parameters()

    def silence(self) -> None:
        self.factors[-1].silence()
        init.zeros_(self.factors[-1].weight)

    def forward(self) -> Kernel:
        kernels = [factor.kernel() for factor in self.factors]
        return reduce(lambda a, b: K.compose(a, b, self.groups), kernels)
