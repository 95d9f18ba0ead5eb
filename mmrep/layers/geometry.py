"""The arguments that all convolutions have, and where smaller kernels lie."""

from numbers import Integral
from typing import NamedTuple, Tuple

import torch.nn.functional as F
from torch import Tensor, nn

from ..kernel import Kernel

GEOMETRY = ('in_channels', 'out_channels', 'kernel_size', 'stride', 'padding',
            'dilation', 'groups', 'padding_mode')


class Geometry(NamedTuple):
    """How a convolution looks at its input, apart from its kernel.

    ``edges`` is the padding of (left, right, top, bottom), in pixels.
    """

    in_channels: int
    out_channels: int
    kernel_size: Tuple[int, int]
    stride: Tuple[int, int]
    edges: Tuple[int, int, int, int]
    dilation: Tuple[int, int]
    groups: int
    padding_mode: str

    @classmethod
    def of(cls, conv: nn.Module) -> 'Geometry':
        """Read the attributes that nn.Conv2d and our layers have."""
        if isinstance(conv.padding, str):
            totals = [(k - 1) * d if conv.padding == 'same' else 0
                      for k, d in zip(conv.kernel_size, conv.dilation)]
        else:
            totals = [2 * padding for padding in conv.padding]
        top, left = [total // 2 for total in totals]
        edges = (left, totals[1] - left, top, totals[0] - top)
        return cls(conv.in_channels, conv.out_channels, conv.kernel_size,
                   conv.stride, edges, conv.dilation, conv.groups,
                   conv.padding_mode)

    @property
    def is_depthwise(self) -> bool:
        return self.groups == self.in_channels == self.out_channels > 1

    def conv(self, x: Tensor, kernel: Kernel) -> Tensor:
        """Convolve; what lies outside of the image is as the mode says."""
        left, right, top, bottom = self.edges
        padding = (top, left)
        if self.padding_mode != 'zeros' or (left,
                                            top) != (right, bottom) or (min(
                                                self.edges) < 0):
            x, padding = self.pad(x), 0
        return F.conv2d(x, *kernel, self.stride, padding, self.dilation,
                        self.groups)

    def pad(self, x: Tensor) -> Tensor:
        """What a convolution without padding sees; crops where negative."""
        mode = 'constant' if self.padding_mode == 'zeros' else (
            self.padding_mode)
        grown = [max(edge, 0) for edge in self.edges]
        cropped = [min(edge, 0) for edge in self.edges]
        if any(grown):
            x = F.pad(x, grown, mode)
        return F.pad(x, cropped) if any(cropped) else x

    def smaller(self, size: Tuple[int, int], spread: int = 1) -> 'Geometry':
        """The geometry of a kernel around the same centre.

        Args:
            size: Height and width of the smaller kernel.
            spread: Its dilation, over that of the whole.
        """
        edges = list(self.edges)
        for axis in (0, 1):
            before = (self.kernel_size[axis] - 1) // 2
            before -= (size[axis] - 1) * spread // 2
            after = self.kernel_size[axis] - 1 - before
            after -= (size[axis] - 1) * spread
            start = 2 - 2 * axis  # edges list the width first
            edges[start] -= before * self.dilation[axis]
            edges[start + 1] -= after * self.dilation[axis]
        dilation = tuple(d * spread for d in self.dilation)
        return self._replace(
            kernel_size=tuple(size), edges=tuple(edges), dilation=dilation)


def like(tensor: Tensor) -> dict:
    """Device and dtype, to make another tensor with."""
    return dict(device=tensor.device, dtype=tensor.dtype)


def check_geometry(padding=0, **arguments) -> None:
    """Refuse what no convolution can have, by name, value and rule.

    Raises:
        ValueError: Not a positive whole number, or channels that the groups
            do not divide.
    """
    for name, value in arguments.items():
        _check_numbers(name, value, 1)
    if not isinstance(padding, str):
        _check_numbers('padding', padding, 0)
    groups = arguments['groups']
    for name in ('in_channels', 'out_channels'):
        if arguments[name] % groups:
            raise ValueError(f'`{name}` (={arguments[name]}) must be '
                             f'divisible by `groups` (={groups})')


def _check_numbers(name: str, value, least: int) -> None:
    values = value if isinstance(value, (tuple, list)) else [value]
    if any(not isinstance(v, Integral) or v < least for v in values):
        raise ValueError(f'`{name}` (={value}) must be at least {least}, in '
                         'whole numbers')
    if len(values) > 2:
        raise ValueError(f'`{name}` (={value}) must be one number or two')
