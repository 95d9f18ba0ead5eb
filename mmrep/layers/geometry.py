"""The arguments of all convolutions, and the places of smaller kernels."""
import math
from numbers import Integral, Real
from typing import Any, Callable, NamedTuple, Optional, Tuple, Union

import torch.nn.functional as F
from torch import Tensor, nn

from ..compat.compiling import made_once
from ..errors import UserError, shown
from ..kernel import Kernel

GEOMETRY = ('in_channels', 'out_channels', 'kernel_size', 'stride', 'padding',
            'dilation', 'groups', 'padding_mode')
SINGLE = ('in_channels', 'out_channels', 'groups')
FIXED = (*SINGLE, 'kernel_size')  # the shapes of the weights fix these
WORDS = ('same', 'valid')  # paddings that have a name
MODES = ('zeros', 'reflect', 'replicate', 'circular')


class Geometry(NamedTuple):
    """The arguments of a convolution, without its kernel's values.

    ``edges`` is the padding of (left, right, top, bottom), in pixels.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from mmrep.layers import Geometry
        >>> geometry = Geometry.of(nn.Conv2d(4, 4, 3, stride=2, padding=1))
        >>> geometry.edges, geometry.keeps_shape
        ((1, 1, 1, 1), False)
        >>> tuple(geometry.centre(torch.randn(1, 4, 9, 9)).shape)
        (1, 4, 5, 5)
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
        """Read the attributes that nn.Conv2d and our layers have.

        Raises:
            UserError: The attributes do not go together.
        """
        return geometry_of(
            conv.in_channels, conv.out_channels, _two(conv.kernel_size),
            _two(conv.stride), conv.padding
            if isinstance(conv.padding, str) else _two(conv.padding),
            _two(conv.dilation), conv.groups, conv.padding_mode)

    @property
    def is_depthwise(self) -> bool:
        return self.groups == self.in_channels == self.out_channels > 1

    @property
    def keeps_shape(self) -> bool:
        """True if channels and stride let the input be added to the output."""
        return self.in_channels == self.out_channels and (self.stride
                                                          == (1, 1))

    def conv(self, x: Tensor, kernel: Kernel) -> Tensor:
        """Convolve an input, padded as ``padding_mode`` says."""
        rest = _rest(self)
        if rest is not None:
            return F.conv2d(x, *kernel, *rest)
        return self.bound(kernel)(x)

    def bound(self, kernel: Kernel) -> Callable[[Tensor], Tensor]:
        """Return :meth:`conv` with this kernel, for many inputs."""
        rest = _rest(self)
        if rest is not None:
            rest = (*kernel, *rest)
            return lambda x: F.conv2d(x, *rest)
        rest = (*kernel, self.stride, 0, self.dilation, self.groups)
        return lambda x: F.conv2d(self.pad(x), *rest)

    def pad(self, x: Tensor) -> Tensor:
        """Pad an input by ``edges``; crop where these are negative."""
        mode = 'constant' if self.padding_mode == 'zeros' else (
            self.padding_mode)
        grown = [max(edge, 0) for edge in self.edges]
        cropped = [min(edge, 0) for edge in self.edges]
        if any(grown):
            x = F.pad(x, grown, mode)
        return F.pad(x, cropped) if any(cropped) else x

    def centre(self, x: Tensor) -> Tensor:
        """Return the pixels that the centre of the kernel sees."""
        x = self.smaller((1, 1)).pad(x)
        if self.stride == (1, 1):
            return x
        return x[..., ::self.stride[0], ::self.stride[1]]

    def smaller(self, size: Tuple[int, int], spread: int = 1) -> 'Geometry':
        """Return the geometry of a kernel around the same centre.

        Args:
            size: Height and width of the smaller kernel, in taps.
            spread: Its dilation as a multiple of this one. Defaults to 1.
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


@made_once
def geometry_of(in_channels: int, out_channels: int, kernel_size: tuple,
                stride: tuple, padding: Union[str, tuple], dilation: tuple,
                groups: int, padding_mode: str) -> Geometry:
    """Return the geometry of a convolution's arguments, each made once."""
    if padding == 'same' and stride != (1, 1):
        raise UserError(f"`stride` (={stride}) must be 1 with `padding` "
                        "(='same')")
    if isinstance(padding, str):
        totals = [(k - 1) * d if padding == 'same' else 0
                  for k, d in zip(kernel_size, dilation)]
    else:
        totals = [2 * each for each in padding]
    top, left = [total // 2 for total in totals]
    edges = (left, totals[1] - left, top, totals[0] - top)
    return Geometry(in_channels, out_channels, kernel_size, stride, edges,
                    dilation, groups, padding_mode)


@made_once
def _rest(geometry: Geometry) -> Optional[tuple]:
    """Return the last arguments of F.conv2d, None if it cannot pad so."""
    left, right, top, bottom = geometry.edges
    zeros = geometry.padding_mode == 'zeros'
    if not zeros or not 0 <= left == right or not 0 <= top == bottom:
        return None
    return (geometry.stride, (top, left), geometry.dilation, geometry.groups)


def like(tensor: Tensor) -> dict:
    """Return the device and dtype of a tensor, to make another one with.

    Args:
        tensor: The tensor, of any shape.

    Examples:
        >>> import torch
        >>> from mmrep.layers import like
        >>> there = torch.ones(2, dtype=torch.float64)
        >>> torch.zeros(3, **like(there)).dtype
        torch.float64
    """
    return dict(device=tensor.device, dtype=tensor.dtype)


def check_geometry(padding: Any = 0,
                   bias: Any = True,
                   **arguments: Any) -> None:
    """Refuse arguments that no convolution can have.

    Raises:
        UserError: One is no positive whole number, the groups do not divide
            the channels, or the bias is neither True nor False.
    """
    check_flag('bias', bias)
    for name, value in arguments.items():
        _check_numbers(name, value, 1, single=name in SINGLE)
    if not isinstance(padding, str):
        _check_numbers('padding', padding, 0)
    groups = arguments['groups']
    for name in ('in_channels', 'out_channels'):
        if arguments[name] % groups:
            raise UserError(f'`{name}` (={arguments[name]}) must be '
                            f'divisible by `groups` (={groups})')


def checked(layer: nn.Module, name: str, value: Any) -> Any:
    """Return the value of an attribute in the form nn.Conv2d gives it.

    Raises:
        UserError: No convolution can have the value, or the weights of the
            layer are made for another.
    """
    if name == 'padding_mode':
        if value not in MODES:
            raise UserError(f'`padding_mode` (={shown(value)}) must be one of '
                            f'{", ".join(MODES)}')
        return value
    if name == 'padding' and isinstance(value, str) and value in WORDS:
        return value
    _check_numbers(name, value, int(name != 'padding'), single=name in SINGLE)
    value = value if name in SINGLE else _two(value)
    there = vars(layer).get(name, value)
    if name in FIXED and value != there:
        raise UserError(
            f'`{name}` (={value}) of a {type(layer).__name__} must stay what '
            f'its weights were made for (={there}): make another layer')
    return value


def _check_numbers(name: str,
                   value: Any,
                   least: int,
                   single: bool = False) -> None:
    several = isinstance(value, (tuple, list)) and not single
    if several and len(value) != 2:
        raise UserError(f'`{name}` (={value}) must be one number or two')
    if any(not is_whole(v) or v < least
           for v in (value if several else [value])):
        raise UserError(f'`{name}` (={value!r}) must be at least {least}, in '
                        'whole numbers')


def check_flag(name: str, value: bool) -> None:
    """Refuse a value that is neither True nor False.

    Args:
        name: The argument's name.
        value: The argument's value.

    Raises:
        UserError: It is neither.
    """
    if not isinstance(value, bool):
        raise UserError(f'`{name}` (={shown(value)}) must be True or False')


def _two(value: Any) -> tuple:
    return tuple(value) if isinstance(value, (tuple, list)) else (value, ) * 2


def is_whole(value: Any) -> bool:
    """Return True for a whole number, but not for True and False."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Return True for a real, finite number, not for True and False."""
    return isinstance(
        value,
        Real) and not isinstance(value, bool) and -math.inf < value < math.inf
