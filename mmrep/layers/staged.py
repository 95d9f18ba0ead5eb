"""Branches of two convolutions with a norm between."""
from typing import Any, Callable, Dict, Iterable, Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn import init

from .. import kernel as K
from ..compat.autograd import may_run_again
from ..compat.batch_norms import trained_values
from ..compat.compiling import is_compiling
from ..compat.hooks import is_bare
from ..compat.modules import buffers_of, children_of, parameters_of
from ..errors import UserError, shown
from ..kernel import Kernel
from ..prefixes import under
from .branch import BRANCHES, Branch, NormFactory
from .direct import Direct
from .from_names import Foreign, read_block
from .frozen_norms import takes_batches
from .geometry import Geometry, is_whole, like
from .inner import build_block, hand_geometry
from .recomputed import may_recompute, run
from .seen_statistics import SeenStatistics
from .steps import Step, average, convolution

MAX_CHANNELS = 2**14  # channels between the two kernels
PARTS = ('padded', 'edge', 'first_weight')


class Staged(Branch):
    """1x1, norm, then a spatial kernel.

    The padding around the image is the norm's output for zeros (DBB, section
    3.3). It has a gradient for the weight and bias of the norm; the official
    code detaches it, so that the gradients of this norm differ from those
    there, while outputs do not.
    """

    needs_norm = True
    identity_channels = 0  # of a 1x1 that is to be added to the identity
    kernels = ('first', )  # names of the weights of the steps
    is_as_written = True  # False if a subclass changes a part of the forward

    def __init_subclass__(cls, **kwargs) -> None:
        super().__init_subclass__(**kwargs)
        parts = [getattr(cls, name) for name in PARTS]
        cls.is_as_written = cls.normed is Branch.normed and all(
            part.__module__ == __name__ for part in parts)

    def build_first(self, geometry: Geometry, norm: Optional[NormFactory],
                    factory: dict, channels: int) -> None:
        self.first = nn.Parameter(
            torch.empty(channels, geometry.in_channels // geometry.groups, 1,
                        1, **factory))
        self.first_norm = norm and norm(channels)
        self.seen = SeenStatistics()

    def first_weight(self) -> Tensor:
        return self.first

    def padded(self, x: Tensor, geometry: Geometry) -> Tensor:
        """Return the padded input of the spatial kernel."""
        if self.first is None:
            return geometry.pad(x)
        x = F.conv2d(x, self.first_weight(), groups=geometry.groups)
        if self.first_norm is None:
            return geometry.pad(x)
        if geometry.padding_mode != 'zeros':
            return geometry.pad(self.first_norm(x))
        before, x = x, self.first_norm(x)
        edge = self.edge(before)[:, None, None].to(x.dtype)
        return geometry.pad(x - edge) + edge

    def edge(self, x: Tensor) -> Tensor:
        """Return the norm's output for zeros, by its running statistics.

        Args:
            x: Input of the norm.
        """
        norm = self.first_norm
        if not takes_batches(norm) or is_compiling():
            return K.norm_affine(norm)[1]
        offset = self.seen.offset(x, norm.running_mean, norm.running_var,
                                  norm.eps, may_run_again())
        return norm.bias - norm.weight * offset

    def bound_to(self, geometry: Geometry) -> Callable[[Tensor], Tensor]:
        direct = self.direct(geometry)
        if direct is None or type(self).forward.__module__ != __name__:
            return super().bound_to(geometry)

        def run_bare(x: Tensor) -> Tensor:
            out = self.quick(x, direct) if is_bare(self) else None
            return self(x, geometry) if out is None else out

        return run_bare

    def second_step(self, geometry: Geometry) -> Optional[Step]:
        """Return what follows the first norm, None if that is not simple."""

    def direct(self, geometry: Geometry) -> Optional[Direct]:
        """Return the branch without its tensors, None if it is not simple."""
        step = self.second_step(geometry)
        if step is None or self.first is None or not self.is_as_written:
            return None
        return Direct(self.seen, geometry.groups, self.identity_channels, step)

    def quick(self, x: Tensor, direct: Optional[Direct]) -> Optional[Tensor]:
        """Return the features without a call of a module, if that is the same.

        Args:
            x: The branch's input.
            direct: The branch without its tensors.

        Returns:
            None if the branch must run module by module.
        """
        if direct is None or not may_recompute(x):
            return None
        norms, weights = children_of(self), parameters_of(self)
        one = trained_values(norms.get('first_norm'))
        other = trained_values(norms.get('norm'))
        if one is None or other is None:
            return None
        try:
            kernels = [weights[name] for name in self.kernels]
        except KeyError:  # such as those that have a parametrization
            return None
        return run(direct, x, one, other, *kernels)

    def first_kernel(self) -> Kernel:
        first = Kernel(self.first_weight())
        if self.first_norm is None:
            return first
        return K.fold_norm(first, self.first_norm)


@BRANCHES.register_module('1x1_average')
class PointwiseAverage(Staged):
    """1x1, norm, then the mean over the kernel; only that if depthwise."""

    order = 30

    @classmethod
    def fits(cls, name: str, geometry: Geometry, normed: bool) -> bool:
        return geometry.kernel_size != (1, 1)

    def build(self, geometry: Geometry, norm: Optional[NormFactory],
              factory: dict) -> None:
        if geometry.is_depthwise:
            self.first = self.first_norm = None
        else:
            self.build_first(geometry, norm, factory, geometry.out_channels)

    def weights(self) -> Iterable[Tensor]:
        return [] if self.first is None else [self.first]

    def second_step(self, geometry: Geometry) -> Optional[Step]:
        return average(geometry)

    def forward(self, x: Tensor, geometry: Geometry) -> Tensor:
        step = self.second_step(geometry)
        if self.first is None and step is not None:
            return self.normed(step(x))
        out = self.quick(x, self.direct(geometry))
        if out is not None:
            return out
        x = self.padded(x, geometry)
        mean = K.average(
            x.size(1), geometry.kernel_size, groups=x.size(1), **like(x))
        out = F.conv2d(x, mean.weight, None, geometry.stride, 0,
                       geometry.dilation, x.size(1))
        return self.normed(out)

    def kernel(self, geometry: Geometry) -> Kernel:
        if self.first is None:
            mean = K.average(geometry.in_channels, geometry.kernel_size,
                             geometry.groups, **like(self.norm.weight))
            return self.folded(mean, geometry)
        first = self.first_kernel()
        height, width = geometry.kernel_size
        weight = (first.weight / (height * width)).expand(
            -1, -1, height, width)
        return self.folded(Kernel(weight, first.bias), geometry)


@BRANCHES.register_module('1x1_kxk')
class PointwiseKxK(Staged):
    """1x1, norm, then a kernel of the block's size, which may be a block.

    The 1x1 keeps the number of channels, or doubles it in a depthwise
    convolution (DBB, section 3.4 and the official implementation). One that
    keeps it is stored as its difference from the identity; without
    ``difference`` it is stored as it is, and decays to zero, as in DyRep.
    """

    order = 20
    places = ('second', )
    kernels = ('first', 'second')

    @classmethod
    def check_options(cls, name: str, options: Any) -> None:
        super().check_options(name, options)
        if not isinstance(options.get('difference', True), bool):
            raise UserError(f"`difference` (={shown(options['difference'])}) "
                            f'of branch {name!r} must be True or False')
        channels = options.get('channels')
        if channels is not None and (type(channels) is not int
                                     or not 1 <= channels <= MAX_CHANNELS):
            raise UserError(
                f'`channels` (={shown(channels)}) of branch {name!r} must be '
                f'a whole number from 1 to {MAX_CHANNELS}')

    @classmethod
    def read(cls, weights: Dict[str, Tensor], block: nn.Module,
             there: Optional[Branch]) -> dict:
        second = under(weights, 'second.')
        inner = there.inner_blocks().get('second') if there else None
        return dict(
            channels=channels_of(weights),
            difference='whole' not in weights,
            second=read_block(second, block, inner) if second else None)

    def build(self,
              geometry: Geometry,
              norm: Optional[NormFactory],
              factory: dict,
              channels: Optional[int] = None,
              second: Optional[dict] = None,
              difference: bool = True) -> None:
        self.in_channels = geometry.in_channels
        if not difference:  # the only trace of it in a state dict
            self.register_buffer('whole', torch.empty(0, dtype=torch.uint8))
        if channels is not None and (not is_whole(channels) or channels < 1
                                     or channels % geometry.groups):
            raise UserError(
                f"`channels` (={channels!r}) of branch '1x1_kxk' must be a "
                f'whole multiple of `groups` (={geometry.groups})')
        channels = channels or (2 if geometry.is_depthwise else
                                1) * geometry.in_channels
        self.build_first(geometry, norm, factory, channels)
        self.set_second(geometry, second, factory)

    def set_second(self, geometry: Geometry, options: Optional[dict],
                   factory: dict) -> None:
        """Set a plain weight, or the block that ``options`` describe."""
        channels = self.first.size(0)
        if options is None:
            self.second = nn.Parameter(
                torch.empty(geometry.out_channels, channels // geometry.groups,
                            *geometry.kernel_size, **factory))
            return
        self.second = build_block(
            options,
            in_channels=channels,
            out_channels=geometry.out_channels,
            kernel_size=geometry.kernel_size,
            stride=geometry.stride,
            dilation=geometry.dilation,
            groups=geometry.groups,
            bias=False,
            **factory)

    def nest(self, place: str, geometry: Geometry, config: dict) -> None:
        """Put a block in place of the kernel; it takes the Parameter."""
        weight = self.second
        del self.second
        self.set_second(geometry, config, like(weight))
        self.second.set_origin(weight)

    def unnest(self, place: str) -> None:
        """Put the kernel back in place of a block without branches."""
        weight = self.second.weight
        del self.second
        self.second = weight

    def hand_geometry(self, seen: dict) -> None:
        if self.is_nested:  # its input is padded already
            hand_geometry(self.second, {
                **seen, 'padding': (0, 0),
                'padding_mode': 'zeros'
            })

    def inner_blocks(self) -> Dict[str, nn.Module]:
        return dict(second=self.second) if self.is_nested else {}

    @property
    def is_nested(self) -> bool:
        return 'second' in children_of(self)

    def weights(self) -> Iterable[Tensor]:
        return [self.first] if self.is_nested else [self.first, self.second]

    def last_weight(self) -> Optional[Tensor]:
        return None if self.is_nested else self.second

    def options(self) -> dict:
        return dict(
            channels=self.first.size(0),
            second=self.second.config() if self.is_nested else None,
            difference='whole' not in buffers_of(self))

    def reset_parameters(self) -> None:
        super().reset_parameters()
        if self.is_nested:
            self.second.reset_parameters()
        if self.is_difference:
            init.zeros_(self.first)

    @property
    def identity_channels(self) -> int:
        return 0 if 'whole' in buffers_of(self) else self.in_channels

    @property
    def is_difference(self) -> bool:
        return self.first.size(0) == self.identity_channels

    def first_weight(self) -> Tensor:
        channels, in_per_group = self.first.shape[:2]
        if not self.is_difference:
            return self.first
        eye = K.identity(channels, channels // in_per_group,
                         **like(self.first))
        return self.first + eye.weight

    def second_step(self, geometry: Geometry) -> Optional[Step]:
        if self.is_nested:
            return None
        return convolution(geometry, geometry.kernel_size)

    def forward(self, x: Tensor, geometry: Geometry) -> Tensor:
        out = self.quick(x, self.direct(geometry))
        if out is not None:
            return out
        x = self.padded(x, geometry)
        if self.is_nested:
            return self.normed(self.second(x))
        out = F.conv2d(x, self.second, None, geometry.stride, 0,
                       geometry.dilation, geometry.groups)
        return self.normed(out)

    def kernel(self, geometry: Geometry) -> Kernel:
        second = self.second.kernel() if self.is_nested else Kernel(
            self.second)
        return self.folded(
            K.compose(self.first_kernel(), second, geometry.groups), geometry)


def channels_of(weights: Dict[str, Tensor]) -> int:
    """Return the number of channels between the kernels of a branch.

    Raises:
        Foreign: The first kernel is missing, or is no kernel.
    """
    first = weights.get('first')
    if first is None or first.dim() != 4:
        raise Foreign
    return len(first)
