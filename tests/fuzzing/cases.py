"""One drawn layer, its input, and how exact it must be."""
from random import Random
from typing import NamedTuple

import torch
from torch import Tensor, nn

import mmrep

from .layers import LAYERS, draw_options
from .parts import norms_of
from .shapes import draw_shape, draw_size

BATCH = 2
EXACT = {torch.float64: 1e-9, torch.float32: 3e-5}
STATISTICS = ['random', 'random', 'small']


class Case(NamedTuple):
    """A layer as data.

    The ``statistics`` of its norms are ``random`` or ``small``, which are
    variances down to 1e-4.
    """

    cls: type
    shape: dict
    options: dict
    dtype: torch.dtype
    size: tuple
    statistics: str
    seed: int

    def fresh(self) -> nn.Module:
        torch.manual_seed(self.seed)
        return self.cls(dtype=self.dtype, **self.shape, **self.options)

    def build(self) -> nn.Module:
        """Return the layer in eval mode, without any initial values."""
        layer = self.fresh()
        randomize(layer, self.statistics == 'small')
        return layer.eval()

    def conv(self) -> nn.Conv2d:
        """Return a plain convolution of this shape, in eval mode."""
        torch.manual_seed(self.seed + 1)
        return nn.Conv2d(dtype=self.dtype, **self.shape).eval()

    def image(self) -> Tensor:
        shape = BATCH, self.shape['in_channels'], *self.size
        return normal(shape, self.seed).to(self.dtype)

    @property
    def name(self) -> str:
        return self.cls.__name__


def draw_case(rng: Random) -> Case:
    cls, shape = rng.choice(LAYERS), draw_shape(rng)
    if cls is mmrep.LargeKernelConv2d and rng.random() < .5:
        shape['kernel_size'] = rng.choice([(9, 9), (11, 11), (13, 5)])
        shape['dilation'], shape['padding'] = (1, 1), (4, 4)
    options = draw_options(rng, cls, shape['kernel_size'])
    dtype = rng.choice([torch.float64, torch.float64, torch.float32])
    return Case(cls, shape, options, dtype, draw_size(rng, shape),
                rng.choice(STATISTICS), rng.randrange(10**6))


def normal(shape: tuple,
           seed: int,
           dtype: torch.dtype = torch.float32) -> Tensor:
    """Return random numbers, the same on each device."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(shape, generator=generator, dtype=dtype, device='cpu')
    return drawn.to(torch.empty(0).device)


@torch.no_grad()
def randomize(layer: nn.Module, small: bool = False) -> None:
    """Draw every tensor, also those that start as zeros or ones."""
    for tensor in layer.parameters():
        fan_in = tensor[0].numel() if tensor.dim() == 4 else 1
        tensor.copy_(torch.randn(tensor.shape) / fan_in**.5)
    for name, tensor in layer.named_buffers():
        if name.endswith('weight'):  # OREPA's constant
            tensor.copy_(torch.randn(tensor.shape))
    for norm in norms_of(layer).values():
        randomize_norm(norm, small)


@torch.no_grad()
def randomize_norm(norm: nn.Module, small: bool = False) -> None:
    draw = torch.rand(3, *norm.weight.shape)
    norm.weight.copy_((draw[0] + .5) * torch.randn(norm.weight.shape).sign())
    norm.running_mean.copy_(draw[1] - .5)
    norm.running_var.copy_(10**(-4 * draw[2]) if small else draw[2] + .5)
