"""How much memory a training step needs."""
import weakref
from collections import Counter
from typing import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.optim import Optimizer

ALLOCATED = 'peak of what is allocated in a step, other models apart'
KEPT = ('what autograd keeps for backward, with the model, its gradients and '
        'its optimizer state')


def meaning() -> str:
    """What :func:`step_memory` measures here, for those who read it."""
    return ALLOCATED if torch.cuda.is_available() else KEPT


def step_memory(step: Callable[[], object], model: nn.Module,
                optimizer: Optimizer) -> int:
    """Bytes that a training step needs at most.

    On a GPU the peak of allocated memory; what other models hold there is
    taken off. Elsewhere nobody counts: the peak of what autograd keeps for
    backward, and the sizes of parameters, gradients and optimizer state.

    Args:
        step: Takes one; not the model's first, which makes the state.
        model: That trains.
        optimizer: Of the model.
    """
    if any(p.is_cuda for p in model.parameters()):
        there = [p.grad for p in model.parameters() if p.grad is not None]
        return _allocated(step) + held(model, optimizer) + size(there)
    wanted = [p for p in model.parameters() if p.requires_grad]
    kept = kept_for_backward(step, model)
    return kept + held(model, optimizer) + size(wanted)


def held(model: nn.Module, optimizer: Optimizer) -> int:
    """Bytes of a model and its optimizer between steps, gradients apart."""
    return size([*model.parameters(), *model.buffers()]) + size(
        value for state in optimizer.state.values()
        for value in state.values() if isinstance(value, Tensor))


def size(tensors: Iterable[Tensor]) -> int:
    """Bytes of tensors."""
    return sum(t.numel() * t.element_size() for t in tensors)


def _allocated(step: Callable[[], object]) -> int:
    """Bytes that a step allocates beyond what is allocated before it."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    step()
    return torch.cuda.max_memory_allocated() - before


def kept_for_backward(step: Callable[[], object], model: nn.Module) -> int:
    """Bytes that autograd keeps at most, parameters and buffers apart.

    Args:
        step: Forward and backward.
        model: Whose own tensors do not count.
    """
    kept = _Kept([*model.parameters(), *model.buffers()])
    with saved_tensors_hooks(kept.pack, lambda saved: saved.tensor):
        step()
    return kept.peak


class _Saved:
    """A tensor for as long as autograd keeps it."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor


class _Kept:
    """Count the bytes of storages while something is saved of them."""

    def __init__(self, own: Iterable[Tensor]) -> None:
        self.own = {t.untyped_storage().data_ptr() for t in own}
        self.holders: Counter = Counter()
        self.now = self.peak = 0

    def pack(self, tensor: Tensor) -> _Saved:
        saved = _Saved(tensor)
        storage = tensor.untyped_storage()
        place, length = storage.data_ptr(), storage.nbytes()
        if place not in self.own:
            self._hold(place, length)
            weakref.finalize(saved, self._release, place, length)
        return saved

    def _hold(self, place: int, length: int) -> None:
        if not self.holders[place]:
            self.now += length
            self.peak = max(self.peak, self.now)
        self.holders[place] += 1

    def _release(self, place: int, length: int) -> None:
        self.holders[place] -= 1
        if not self.holders[place]:
            self.now -= length
