"""A layer's kernel, kept while somebody asks for it and nothing changes.

The tensors behind a kernel can change without a trace: a fused optimizer, an
average or a view of NumPy writes memory that autograd does not watch, and a
comparison of values would have to wait for the GPU. So each forward pass makes
the kernel anew. It is kept only inside of :func:`mmrep.keep_kernels`, as
PyTorch's parametrizations are inside of ``parametrize.cached()``.
"""
from operator import attrgetter
from threading import Lock
from typing import Any, Callable, List, NamedTuple, Optional, Tuple

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from ..compat.autograd import is_in_backward, version_of
from ..compat.modules import trees_of
from ..compat.tracing import is_replica
from ..kernel import Kernel
from .frozen_norms import norms_in, takes_batches
from .tree import Tree

GEOMETRY = attrgetter('kernel_size', 'stride', 'padding', 'dilation', 'groups',
                      'padding_mode')
LOCK = Lock()
REAL = (Tensor, nn.Parameter)


class Record(NamedTuple):
    """A value, and the state of the tensors that it was made of.

    No other data can get their addresses while ``aliases`` live.
    """

    value: Any
    owner: nn.Module
    shape: tuple
    dicts: List[dict]
    sizes: List[int]
    places: List[Tuple[dict, str, Any]]
    tensors: List[Tensor]
    versions: List[int]
    pointers: List[int]
    aliases: List[Tensor]
    norms: List[Tuple[nn.Module, float]]

    def holds(self, layer: nn.Module) -> bool:
        """Return True if all that shows without waiting is as it was."""
        if list(map(len, self.dicts)) != self.sizes:
            return False
        for names, name, there in self.places:
            if names.get(name) is not there:
                return False
        for norm, eps in self.norms:
            if takes_batches(norm) or norm.eps != eps:
                return False
        return (self.owner is layer and GEOMETRY(layer) == self.shape
                and list(map(version_of, self.tensors)) == self.versions
                and list(map(Tensor.data_ptr, self.tensors)) == self.pointers)


class Inside(Tree):
    """What is inside of a layer, as long as none of its modules moves.

    Args:
        layer: The layer.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__(layer)
        self.norms = norms_in(layer)
        self.bound: Optional[tuple] = None  # a geometry, what holds for both


class Kept:
    """What a layer keeps; copies and pickles of it start empty.

    Attributes:
        users: Number of callers that ask to keep the kernel.
        record: The kernel that is kept, with the state it was made of.
        given: The kernel that was made with those of other layers, see
            :mod:`mmrep.together`; None outside of the forward pass around.
        again: The last given kernel, for a forward that runs again in the
            backward, as activation checkpointing does.
    """

    def __init__(self) -> None:
        self.users = 0
        self.record: Optional[Record] = None
        self.given: Optional[Kernel] = None
        self.again: Optional[Kernel] = None
        self._inside: Optional[Inside] = None

    def take(self) -> Optional[Kernel]:
        """Return the kernel that was made for this forward pass, if any."""
        given = self.given
        if given is None:
            if self.again is not None and not is_in_backward():
                self.again = None  # of a pass that is over
            return self.again
        if torch.is_grad_enabled():
            self.again = given
        elif given.weight.requires_grad or not _has_gradient(self.again):
            # checkpoints run without gradients first: they need their own
            self.again = None
        return given

    def norms(self, layer: nn.Module) -> List[nn.Module]:
        """Return the norms in a layer, looked up once for its modules."""
        return self._look(layer).norms

    def bound(self, layer: nn.Module, geometry: Any,
              make: Callable[[nn.Module, Any], Any]) -> Any:
        """Return ``make(layer, geometry)``, made once for these two.

        Args:
            layer: The layer, as long as no module inside is replaced.
            geometry: The layer's geometry.
            make: Function of both.
        """
        inside = self._look(layer)
        found = inside.bound  # read once: another thread may replace it
        if found is None or found[0] != geometry:
            found = inside.bound = geometry, make(layer, geometry)
        return found[1]

    def _look(self, layer: nn.Module) -> 'Inside':
        inside = self._inside
        if inside is None or inside.modules[0] is not layer or (
                not inside.holds()):
            inside = Inside(layer)
            if not is_replica(layer):  # which shares this and soon is gone
                self._inside = inside
        return inside

    def use(self, count: int) -> None:
        """Add to the number of users; without any, nothing is kept."""
        with LOCK:
            self.users += count
        self.clear()

    def clear(self) -> None:
        self.record = None

    def get(self, layer: nn.Module) -> Any:
        """Return the value, None if there is none that still holds."""
        record = self.record  # read once: another thread may clear it
        return record.value if record and record.holds(layer) else None

    def make(self, layer: nn.Module, compute: Callable[[], Kernel],
             use: Callable[[Kernel], Any]) -> Any:
        """Return ``use(compute())``, and keep it if somebody asks for it."""
        seen = _seen(layer) if self.users else None
        if seen is None:
            return use(compute())
        with torch.inference_mode(False), torch.no_grad():
            kernel = compute()
        value = use(kernel)
        if type(kernel.weight) in REAL:  # not a compiler's stand-in
            self.record = Record(value, layer, GEOMETRY(layer), *seen)
        return value

    def __reduce__(self) -> tuple:
        return type(self), ()


def _has_gradient(kernel: Optional[Kernel]) -> bool:
    return kernel is not None and kernel.weight.requires_grad


def _seen(layer: nn.Module) -> Optional[tuple]:
    """Return the state that a record compares, before the value is made.

    Returns:
        None if that says too little: a parametrization may hold anything, and
        inference tensors or those of torch.func do not count their versions.
    """
    modules = list(layer.modules())
    if any(map(is_parametrized, modules)):
        return None
    dicts = [names for module in modules for names in trees_of(module)]
    places = [(names, name, there) for names in dicts
              for name, there in names.items()]
    # the count of batches tells that a norm took statistics
    found = [each for *_, each in places if isinstance(each, Tensor)]
    norms = [(norm, norm.eps) for norm in layer.norms_inside()]
    try:
        return (dicts, list(map(len, dicts)), places, found,
                list(map(version_of,
                         found)), list(map(Tensor.data_ptr, found)),
                [tensor.detach() for tensor in found], norms)
    except RuntimeError:
        return None
