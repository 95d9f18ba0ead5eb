"""The tensors of a layer by name, and its norms by hand.

This does without the package, since the package is compared with it.
"""
import re
from typing import Dict, List, NamedTuple, Optional, Tuple

from torch import Tensor, nn

PARAMETRIZED = re.compile(r'parametrizations\.(\w+)\.original$')


class Norm(NamedTuple):
    """The options of a norm."""

    eps: float
    momentum: Optional[float]
    training: bool


class Part:
    """A layer, or its part under a name.

    Args:
        tensors: The tensors of the layer, in float64.
        norms: The norms of the layer.
        start: The beginning of all names of this part. Defaults to ''.
        moved: Dict that takes the statistics that a forward pass leaves.
    """

    def __init__(self,
                 tensors: Dict[str, Tensor],
                 norms: Dict[str, Norm],
                 start: str = '',
                 moved: Optional[Dict[str, Tensor]] = None) -> None:
        self.tensors, self.norms, self.start = tensors, norms, start
        self.moved = {} if moved is None else moved

    def inside(self, name: str) -> 'Part':
        return Part(self.tensors, self.norms, f'{self.start}{name}.',
                    self.moved)

    def __getitem__(self, name: str) -> Tensor:
        name = self.start + name
        return self.moved.get(name, self.tensors[name])

    def __contains__(self, name: str) -> bool:
        """Return True if a tensor has this name or one below it."""
        name = self.start + name
        return name in self.tensors or any(
            key.startswith(name + '.') for key in self.tensors)

    def below(self, name: str) -> List[str]:
        """Return the names one step below, in order."""
        start = f'{self.start}{name}.'
        return list(
            dict.fromkeys(key[len(start):].split('.')[0]
                          for key in self.tensors if key.startswith(start)))

    @property
    def has_norms(self) -> bool:
        return any(name.startswith(self.start) for name in self.norms)

    def normed(self, name: str, x: Tensor) -> Tensor:
        """Apply batch norm (Ioffe and Szegedy, 2015, algorithm 1), if any."""
        if name not in self:
            return x
        norm, part = self.norms[self.start + name], self.inside(name)
        mean, var = part['running_mean'], part['running_var']
        if norm.training:
            mean = x.mean((0, 2, 3))
            var = (x - mean[:, None, None]).square().mean((0, 2, 3))
            part._move(norm, mean.detach(), var.detach(),
                       x.numel() // x.size(1))
        x = (x - mean[:, None, None]) / (var + norm.eps).sqrt()[:, None, None]
        return x * part['weight'][:, None, None] + part['bias'][:, None, None]

    def _move(self, norm: Norm, mean: Tensor, var: Tensor, count: int) -> None:
        """Move the running statistics a step towards those of the batch."""
        tracked = self['num_batches_tracked'] + 1
        momentum = 1 / tracked if norm.momentum is None else norm.momentum
        for name, value in (('running_mean', mean),
                            ('running_var', var * count / (count - 1))):
            self.moved[self.start + name] = ((1 - momentum) * self[name] +
                                             momentum * value)
        self.moved[self.start + 'num_batches_tracked'] = tracked

    def of_zeros(self, name: str) -> Tensor:
        """Return the norm's output for zeros by its running statistics."""
        part, eps = self.inside(name), self.norms[self.start + name].eps
        std = (part['running_var'] + eps).sqrt()
        return part['bias'] - part['running_mean'] / std * part['weight']


def norms_of(layer: nn.Module) -> Dict[str, nn.Module]:
    """Return the norms inside by name, found by their buffers."""
    return {
        name: module
        for name, module in layer.named_modules()
        if getattr(module, 'running_var', None) is not None
    }


def read(layer: nn.Module) -> Tuple[Dict[str, Tensor], Dict[str, Norm]]:
    """Return float64 copies of a layer's current tensors, and its norms."""
    tensors = {}
    for name, value in layer.state_dict(keep_vars=True).items():
        if PARAMETRIZED.search(name):  # the current value
            parent, leaf = PARAMETRIZED.split(name)[:2]
            value = getattr(layer.get_submodule(parent.rstrip('.')), leaf)
            name = parent + leaf
        tensors[name] = value.detach().clone().double()
    norms = {
        name: Norm(norm.eps, norm.momentum, norm.training)
        for name, norm in norms_of(layer).items()
    }
    return tensors, norms
