"""A group of blocks that are alike: their kernels are one batch."""
from typing import List, NamedTuple, Optional, Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..layers import RepConv2d
from .batched import graphs_of
from .operations import Kept

Values = List[Optional[Tensor]]


class Rows:
    """Some rows of the batch at a place in a list of values.

    Args:
        place: The place.
        rows: The numbers of the rows.
        device: Device of the batch.
    """

    def __init__(self, place: int, rows: List[int],
                 device: torch.device) -> None:
        self.place, first = place, rows[0]
        self.index = torch.tensor(rows, device=device)
        in_order = rows == list(range(first, first + len(rows)))
        self.slice = slice(first, first + len(rows)) if in_order else None

    def of(self, values: Values) -> Tensor:
        """Return the rows, as a view if they stand together."""
        batch = values[self.place]
        if self.slice is not None:
            return batch[self.slice]
        return batch.index_select(0, self.index)

    def whole(self, values: Values, grad: Tensor) -> Tensor:
        """Return the gradient of the batch, from that of the rows."""
        batch = values[self.place]
        if self.slice is None:
            return torch.zeros_like(batch).index_add(0, self.index, grad)
        around = [self.slice.start, len(batch) - self.slice.stop]
        return pad(grad, [0, 0] * (grad.dim() - 1) + around)


class Inputs(NamedTuple):
    """What the kernels of a group depend on, as places in a list of values.

    Attributes:
        own: Places of the batches of the blocks' own tensors.
        norms: Places of the batches of scales and shifts of norms.
        inner: Rows of batches with the kernels of inner blocks.
        wanted: True for each of all these that has a gradient.
        biases: True for each inner block whose kernel has a bias.
    """

    own: Sequence[int]
    norms: Sequence[int]
    inner: Sequence[Rows]
    wanted: Sequence[bool]
    biases: Sequence[bool]

    def gather(self, values: Values) -> List[Tensor]:
        """Return the batches."""
        return [
            *(values[place] for place in self.own),
            *(values[place] for place in self.norms),
            *(rows.of(values) for rows in self.inner)
        ]

    @property
    def stay(self) -> int:
        """The number of batches in front that may stay in memory."""
        return len(self.own) + len(self.norms)

    def scatter(self, values: Values, grads: Values,
                found: Sequence[Tensor]) -> None:
        """Add the gradients of wanted batches to those that are there."""
        each = iter(found)
        for place, wanted in zip([*self.own, *self.norms, *self.inner],
                                 self.wanted):
            if not wanted:
                continue
            grad = next(each)
            if isinstance(place, Rows):
                place, grad = place.place, place.whole(values, grad)
            there = grads[place]
            grads[place] = grad if there is None else there + grad


class Group:
    """The kernels of blocks that are alike, and their gradients.

    Args:
        block: One of the blocks, which tells how to make a kernel.
        inputs: Places of the inputs.
        values: A list with the values of the inputs. The batch of weights is
            added, then the batch of biases if there are any.
        joined: See :func:`trace`.

    Attributes:
        start: The place of the first of both.
        end: The place behind the last one.
    """

    def __init__(self, block: RepConv2d, inputs: Inputs, values: Values,
                 joined: bool) -> None:
        self.inputs, self.start = inputs, len(values)
        given = inputs.gather(values)
        self.graphs = graphs_of(block, given, inputs.biases, inputs.wanted,
                                joined)
        made = self.graphs.forward(given)
        self.shapes = [batch.shape for batch in made]
        values += made
        self.end = len(values)

    @property
    def is_felt(self) -> bool:
        """True if the gradient of an input is wanted."""
        return any(self.inputs.wanted)

    def run(self, values: Values, kept: Optional[Kept] = None) -> None:
        """Put the kernels in their places.

        Args:
            values: Values of all inputs.
            kept: Views of those inputs that stay in memory, if they do.
        """
        given = self.inputs.gather(values)
        values[self.start:self.end] = self.graphs.forward(
            given, self.inputs.stay, kept, self)

    def pull(self,
             values: Values,
             grads: Values,
             kept: Optional[Kept] = None) -> None:
        """Add the gradients of the inputs to those that are there.

        Args:
            values: Values of all inputs.
            grads: Gradients of all values, None for those without.
            kept: See :meth:`run`.
        """
        mine = filled(grads[self.start:self.end], self.shapes)
        if not self.is_felt or not mine:
            return
        found = self.graphs.backward(
            self.inputs.gather(values), mine, self.inputs.stay, kept, self)
        self.inputs.scatter(values, grads, found)


def filled(grads: Values, shapes: Sequence[Sequence[int]]) -> List[Tensor]:
    """Put zeros in place of None; return nothing if all are None."""
    like = next((grad for grad in grads if grad is not None), None)
    if like is None:
        return []
    return [
        like.new_zeros(shape) if grad is None else grad
        for grad, shape in zip(grads, shapes)
    ]
