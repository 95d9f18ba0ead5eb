"""One drawn layer with random values, and how exact it must be."""
import math
from typing import NamedTuple, Tuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmrep import RepConv2d
from mmrep.nets.walk import branch_by_branch
from mmrep.testing import randomize_norms

EXACT = {torch.float64: 1e-10, torch.float32: 1e-5}
BATCH = 2


class Case(NamedTuple):
    """A layer as data.

    The ``statistics`` of its norms are ``random``, ``small`` (variances down
    to 1e-6) or of ``data``, as a step of training leaves them.
    """

    cls: type
    shape: dict
    options: dict
    dtype: torch.dtype
    size: Tuple[int, int]
    statistics: str
    seed: int

    def fresh(self) -> RepConv2d:
        return self.cls(dtype=self.dtype, **self.shape, **self.options)

    def build(self) -> RepConv2d:
        """Return the layer in eval mode, without any initial values."""
        layer, x = self.fresh(), self.image(1)
        randomize_weights(layer, self.seed)
        if self.statistics != 'data':
            randomize_norms(layer, self.seed)
        else:
            with torch.no_grad():
                layer.train()(x)
        if self.statistics == 'small':
            shrink_variances(layer, self.seed)
        return layer.eval()

    def conv(self) -> nn.Conv2d:
        """Return the plain convolution of this shape, in eval mode."""
        torch.manual_seed(self.seed)
        return nn.Conv2d(dtype=self.dtype, **self.shape).eval()

    def image(self, offset: int = 0) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed + offset)
        shape = BATCH, self.shape['in_channels'], *self.size
        return torch.randn(shape, generator=generator, dtype=self.dtype)

    @torch.no_grad()
    def check(self, out: Tensor, layer: RepConv2d, x: Tensor) -> None:
        """Assert that ``out`` is what ``layer`` computes by branches.

        Small variances need no wider bounds: the output grows as they make
        its rounding grow.
        """
        with branch_by_branch(layer):
            expected = layer(x)
        assert out.shape == expected.shape and out.dtype == self.dtype
        error, largest = (out - expected).abs().max(), expected.abs().max()
        assert error <= EXACT[self.dtype] * largest


@torch.no_grad()
def randomize_weights(layer: nn.Module, seed: int) -> None:
    """Draw all parameters, also those that start as zeros or ones."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in layer.parameters():
        fan_in = parameter[0].numel() if parameter.dim() == 4 else 1
        values = torch.randn(parameter.shape, generator=generator)
        parameter.copy_(values / math.sqrt(fan_in))


@torch.no_grad()
def shrink_variances(layer: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for norm in norms_of(layer):
        draw = torch.rand(norm.running_var.shape, generator=generator)
        norm.running_var.copy_(10**(-6 * draw))


def norms_of(layer: nn.Module) -> list:
    return [m for m in layer.modules() if isinstance(m, _BatchNorm)]


def relative(a: Tensor, b: Tensor) -> float:
    """Return ``max |a - b| / max |b|``, or 0 for tensors that are zero."""
    largest = b.abs().max().clamp_min(1e-30)
    return ((a - b).abs().max() / largest).item()
