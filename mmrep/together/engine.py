"""Run a plan, operation by operation."""
from typing import Dict, List, NamedTuple, Optional, Sequence

import torch
from torch import Tensor

from ..compat.compiling import is_functional
from ..compat.foreach import copy_all
from .group import Values
from .operations import Kept
from .plan import Plan


class Memory(NamedTuple):
    """Batches, the tensors in them, and the views that operations use."""

    batches: List[Tensor]
    places: Values
    kept: Kept


class Fed(NamedTuple):
    """Values that results were made of, and the number of their load."""

    serial: int = 0
    values: Optional[Values] = None


def needs_new() -> bool:
    """Return True if gradients have gradients, or a transform follows."""
    return torch.is_grad_enabled() or is_functional()


class Seen(NamedTuple):
    """The number of a forward's load, and running statistics by batch.

    Norms move these, and autograd does not count it.
    """

    serial: int
    statistics: Dict[int, Tensor]


class Direct:
    """Run the operations of a plan one by one, on batches that stay.

    The batches need as much memory as the tensors of the plan.

    Args:
        plan: The plan.

    Attributes:
        serial: Number of the last load; each one overwrites the batches.
        keeps: False if the batches of a backward do not stay.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan, self.serial, self.keeps = plan, 0, True
        self.memory: Optional[Memory] = None
        self.fed = Fed()

    def make(self, tensors: Sequence[Tensor]) -> List[Tensor]:
        """Return each block's weight, with its bias if it has one.

        Args:
            tensors: Tensors like those of the plan.
        """
        self.keeps = True
        plan, memory = self.plan, self.load(tensors)
        values = plan.fed(memory.batches, plan.stages, memory.kept)
        self.fed = Fed(self.serial, plan.fed_of(values))
        return plan.parts(plan.results(values))

    def seen(self) -> Seen:
        """Return what a backward needs to know of the last load."""
        memory = self.memory  # read once, as below
        moving = self.plan.statistics if memory is not None else ()
        return Seen(self.serial,
                    {i: memory.batches[i].clone()
                     for i in moving})

    def pull(self, tensors: Sequence[Tensor], grads: Values,
             seen: Seen) -> Values:
        """Return the gradient of each tensor, None for those without.

        Args:
            tensors: The tensors that :meth:`make` got.
            grads: Gradients of its results, None for those without.
            seen: What :meth:`seen` returned behind that call.
        """
        plan, whole = self.plan, self.plan.whole(grads)
        if needs_new():
            return plan.parted(plan.pull(self._again(tensors, seen), whole))
        memory, fed = self.loaded(tensors, seen), self.fed
        values = fed.values if fed.serial == seen.serial else None
        return plan.parted(
            plan.pull(memory.batches, whole, values, memory.kept))

    def loaded(self, tensors: Sequence[Tensor], seen: Seen) -> Memory:
        """Return the memory of a load, again if there was another one."""
        memory = self.memory  # read once: other threads may run the net
        if seen.serial == self.serial and memory is not None:
            return memory
        if not self.keeps:  # the net has changed its state since its forward
            return Memory(self._again(tensors, seen), [], {})
        memory = self.load(tensors)
        for i, batch in seen.statistics.items():
            memory.batches[i].copy_(batch)
        return memory

    def _again(self, tensors: Sequence[Tensor], seen: Seen) -> List[Tensor]:
        """Return new batches of a forward; other ones moved statistics."""
        batches = self.plan.load(tensors)
        return [seen.statistics.get(i, b) for i, b in enumerate(batches)]

    def load(self, tensors: Sequence[Tensor]) -> Memory:
        """Copy tensors like those of the plan to the batches."""
        self.serial += 1  # also of a copy that somebody interrupts
        memory = self.memory
        if memory is None:
            with torch.inference_mode(False), torch.no_grad():
                batches = [b.clone() for b in self.plan.load(tensors)]
            memory = Memory(batches, self.plan.parted(batches), {})
            self.memory = memory
        else:
            copy_all(memory.places, tensors)
        return memory

    def release(self) -> None:
        """Give back the memory of the batches; the next forward takes new."""
        self.keeps, self.memory, self.fed = False, None, Fed()
