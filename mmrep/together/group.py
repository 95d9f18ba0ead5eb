"""A group of blocks that are alike: their kernels are one batch."""
from typing import List, NamedTuple, Optional, Sequence

import torch
from torch import Tensor
from torch.fx import GraphModule

from ..layers import RepConv2d
from .batched import Batched, Pull
from .graphs import trace

Values = List[Optional[Tensor]]
Slots = Sequence[int]


class Inputs(NamedTuple):
    """What the kernels of a group depend on, as places in a list of values.

    Attributes:
        stacked: Places of the same tensor of each block.
        batches: Places of values that are batches already.
        wanted: True for each of both that has a gradient, in order.
        biases: True for each inner block whose kernel has a bias.
    """

    stacked: List[Slots]
    batches: Slots
    wanted: List[bool]
    biases: List[bool]

    def gather(self, values: Values) -> List[Tensor]:
        """Return all inputs as contiguous batches."""
        stacks = (stack([values[s] for s in slots]) for slots in self.stacked)
        return [*stacks, *(values[s] for s in self.batches)]


class Group:
    """The kernels of blocks that are alike, and their gradients.

    Args:
        blocks: The blocks; the first one tells how to make a kernel.
        inputs: Places of their tensors, of the kernels of their inner blocks
            and of the affine maps of their norms.
        values: A list with the values of the inputs. The kernels are added:
            the weights of all blocks, then the biases if there are any.
    """

    def __init__(self, blocks: List[RepConv2d], inputs: Inputs,
                 values: Values) -> None:
        self.blocks, self.inputs, self.start = blocks, inputs, len(values)
        given = inputs.gather(values)
        self.batched = Batched(blocks[0], inputs.biases)
        self.forward = trace(self.batched, given)
        self._backward: Optional[GraphModule] = None
        made = [each for batch in self.forward(*given) for each in batch]
        self.shapes = [each.shape for each in made]
        self.end = self.start + len(made)
        values += made

    def slots_of(self, block: RepConv2d) -> List[int]:
        """Return the places of a block's weight and bias, if it has one."""
        first = self.start + self.blocks.index(block)
        return list(range(first, self.end, len(self.blocks)))

    @property
    def is_felt(self) -> bool:
        """True if the gradient of an input is wanted."""
        return any(self.inputs.wanted)

    def run(self, values: Values) -> None:
        """Put the kernels in their places."""
        batches = self.forward(*self.inputs.gather(values))
        values[self.start:self.end] = [e for batch in batches for e in batch]

    def pull(self, values: Values, grads: Values) -> None:
        """Add the gradients of the inputs to those that are there.

        Args:
            values: All values.
            grads: Gradients of the values, None for those without.
        """
        mine = grads[self.start:self.end]
        if not self.is_felt or all(grad is None for grad in mine):
            return
        count, given = len(self.blocks), self.inputs.gather(values)
        mine = _filled(mine, self.shapes)
        rows = [stack(mine[i:i + count]) for i in range(0, len(mine), count)]
        found = iter(self._graph(given, rows)(*given, *rows))
        wanted = iter(self.inputs.wanted)
        for slots in self.inputs.stacked:
            if next(wanted):
                for slot, grad in zip(slots, next(found).unbind()):
                    add(grads, slot, grad)
        for slot in self.inputs.batches:
            if next(wanted):
                add(grads, slot, next(found))

    def _graph(self, given: List[Tensor], rows: List[Tensor]) -> GraphModule:
        if self._backward is None:
            pull = Pull(self.batched, self.inputs.wanted)
            self._backward = trace(pull, [*given, *rows])
        return self._backward


def stack(tensors: Sequence[Tensor]) -> Tensor:
    """Return tensors as one contiguous batch, which may share memory."""
    there = [t if t.is_contiguous() else t.contiguous() for t in tensors]
    return torch.stack(there) if len(there) > 1 else there[0][None]


def add(grads: Values, slot: int, grad: Tensor) -> None:
    """Add a gradient to the one at its place, if there is any."""
    there = grads[slot]
    grads[slot] = grad if there is None else there + grad


def _filled(grads: Values, shapes: Sequence[torch.Size]) -> List[Tensor]:
    """Put zeros where kernels have no gradient."""
    like = next(grad for grad in grads if grad is not None)
    return [
        like.new_zeros(shape) if grad is None else grad
        for grad, shape in zip(grads, shapes)
    ]
