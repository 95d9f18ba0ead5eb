"""Run a plan, operation by operation."""
from typing import List, NamedTuple, Optional, Sequence

import torch
from torch import Tensor

from ..compat.foreach import copy_all
from .group import Values
from .plan import Plan


class Memory(NamedTuple):
    """Batches, and the tensors in them as views."""

    batches: List[Tensor]
    places: Values


class Fed(NamedTuple):
    """Values that results were made of, and the number of their load."""

    serial: int = 0
    values: Optional[Values] = None


class Direct:
    """Run the operations of a plan one by one, on batches that stay.

    The batches need as much memory as the tensors of the plan.

    Args:
        plan: The plan.

    Attributes:
        serial: Number of the last load; each one overwrites the batches.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan, self.serial = plan, 0
        self.memory: Optional[Memory] = None
        self.fed = Fed()

    def make(self, tensors: Sequence[Tensor]) -> List[Tensor]:
        """Return each block's weight, with its bias if it has one.

        Args:
            tensors: Tensors like those of the plan.
        """
        plan, batches = self.plan, self.load(tensors)
        values = plan.fed(batches, plan.stages)
        self.fed = Fed(self.serial, plan.fed_of(values))
        return plan.parts(plan.results(values))

    def pull(self, tensors: Sequence[Tensor], grads: Values,
             serial: int) -> Values:
        """Return the gradient of each tensor, None for those without.

        Args:
            tensors: The tensors that :meth:`make` got.
            grads: Gradients of its results, None for those without.
            serial: The number of the load of that call.
        """
        plan, fed = self.plan, None
        if torch.is_grad_enabled():  # gradients that have gradients
            batches = plan.load(tensors)
        else:
            batches = self.loaded(tensors, serial)
            fed = self.fed.values if self.fed.serial == serial else None
        return plan.parted(plan.pull(batches, plan.whole(grads), fed))

    def loaded(self, tensors: Sequence[Tensor], serial: int) -> List[Tensor]:
        """Return the batches of a load, again if there was another one."""
        memory = self.memory  # read once: other threads may run the net
        if serial == self.serial and memory is not None:
            return memory.batches
        return self.load(tensors)

    def load(self, tensors: Sequence[Tensor]) -> List[Tensor]:
        """Copy tensors like those of the plan to the batches."""
        memory = self.memory
        if memory is None:
            with torch.inference_mode(False), torch.no_grad():
                batches = [b.clone() for b in self.plan.load(tensors)]
            memory = self.memory = Memory(batches, self.plan.parted(batches))
        else:
            copy_all(memory.places, tensors)
        self.serial += 1
        return memory.batches

    def release(self) -> None:
        """Give back the memory of the batches; the next load takes new."""
        self.memory, self.fed = None, Fed()
