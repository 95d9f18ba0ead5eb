"""The tensors of a layer by name, and its norms by hand.

Written without the package: what is fuzzed is held against it.
"""
import re
from typing import Dict, List, NamedTuple, Optional, Tuple

from torch import Tensor, nn

PARAMETRIZED = re.compile(r'parametrizations\.(\w+)\.original$')


class Norm(NamedTuple):
    """What a norm is besides its tensors."""

    eps: float
    momentum: Optional[float]
    training: bool


class Part:
    """A layer, or what is under a name in it.

    Args:
        tensors: Of the layer, in float64.
        norms: Of the layer.
        start: What all names of this part begin with. Defaults to ''.
        moved: Takes the statistics that a forward pass leaves.
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
        """Whether there is such a tensor, or some below of that name."""
        name = self.start + name
        return name in self.tensors or any(
            key.startswith(name + '.') for key in self.tensors)

    def below(self, name: str) -> List[str]:
        """The names one step below, in order."""
        start = f'{self.start}{name}.'
        return list(
            dict.fromkeys(key[len(start):].split('.')[0]
                          for key in self.tensors if key.startswith(start)))

    @property
    def has_norms(self) -> bool:
        return any(name.startswith(self.start) for name in self.norms)

    def normed(self, name: str, x: Tensor) -> Tensor:
        """Batch norm (Ioffe and Szegedy, 2015, algorithm 1), if there."""
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
        """The running statistics go a step towards the batch's."""
        tracked = self['num_batches_tracked'] + 1
        momentum = 1 / tracked if norm.momentum is None else norm.momentum
        for name, value in (('running_mean', mean),
                            ('running_var', var * count / (count - 1))):
            self.moved[self.start + name] = ((1 - momentum) * self[name] +
                                             momentum * value)
        self.moved[self.start + 'num_batches_tracked'] = tracked

    def of_zeros(self, name: str) -> Tensor:
        """What the norm makes of zeros by its running statistics."""
        part, eps = self.inside(name), self.norms[self.start + name].eps
        std = (part['running_var'] + eps).sqrt()
        return part['bias'] - part['running_mean'] / std * part['weight']


def norms_of(layer: nn.Module) -> Dict[str, nn.Module]:
    """The norms inside by name, found by what they keep."""
    return {
        name: module
        for name, module in layer.named_modules()
        if getattr(module, 'running_var', None) is not None
    }


def read(layer: nn.Module) -> Tuple[Dict[str, Tensor], Dict[str, Norm]]:
    """Copies in float64 of what a layer has now, and its norms."""
    tensors = {}
    for name, value in layer.state_dict(keep_vars=True).items():
        if PARAMETRIZED.search(name):  # the value that counts
            parent, leaf = PARAMETRIZED.split(name)[:2]
            value = getattr(layer.get_submodule(parent.rstrip('.')), leaf)
            name = parent + leaf
        tensors[name] = value.detach().clone().double()
    norms = {
        name: Norm(norm.eps, norm.momentum, norm.training)
        for name, norm in norms_of(layer).items()
    }
    return tensors, norms
