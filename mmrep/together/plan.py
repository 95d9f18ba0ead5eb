"""The kernels of many blocks, in as few operations as there are kinds."""
from typing import List, NamedTuple, Optional, Sequence, Set, Tuple, Union
from weakref import ReferenceType

from torch import Tensor

from ..kernel import Kernel
from ..layers import RepConv2d
from .affines import Affines
from .batch import Batch, stack
from .group import Group, Values, filled
from .operations import Kept

Stage = Union[Affines, Group]


class Plan(NamedTuple):
    """The kernels of blocks as a function of batches of their tensors.

    Attributes:
        references: The blocks, none inside of another one. The references
            are weak: a kernel that a block keeps holds on to the plan.
        batches: The batches of all tensors.
        stages: What is computed, in order. The values are those of the
            batches, then the results of each stage.
        made: The groups with the blocks. Each has a batch of weights, and one
            of biases if there are any: these are the results.
        where: Result and row of each block's weight, then of its bias.
        feeding: The stages whose results others need.
        owners: Numbers of the blocks that each tensor is in.
    """

    references: List['ReferenceType[RepConv2d]']
    batches: List[Batch]
    stages: List[Stage]
    made: List[Group]
    where: List[List[Tuple[int, int]]]
    feeding: List[Stage]
    owners: List[Set[int]]

    @property
    def blocks(self) -> List[RepConv2d]:
        """The blocks that are still there, none inside of another one."""
        found = [reference() for reference in self.references]
        return [block for block in found if block is not None]

    @property
    def tensors(self) -> List[Tensor]:
        """All tensors of all batches, in order."""
        return [tensor for batch in self.batches for tensor in batch.tensors]

    @property
    def statistics(self) -> List[int]:
        """The numbers of the batches of running means and variances."""
        return [
            place for stage in self.stages if isinstance(stage, Affines)
            for place in stage.columns[:2]
        ]

    def load(self, tensors: Sequence[Tensor]) -> List[Tensor]:
        """Return tensors like :attr:`tensors` as batches."""
        each = iter(tensors)
        return [
            batch.of([next(each) for _ in batch.tensors])
            for batch in self.batches
        ]

    def make(self, batches: Sequence[Tensor]) -> List[Tensor]:
        """Return the results of these batches."""
        return self.results(self.fed(batches, self.stages))

    def fed(self,
            batches: Sequence[Tensor],
            stages: List[Stage],
            kept: Optional[Kept] = None) -> Values:
        """Return all values that these stages make of batches.

        Args:
            batches: The batches.
            stages: The stages.
            kept: Views of batches that stay in memory. Defaults to None: they
                do not stay.
        """
        values = [*batches, *[None] * (self.stages[-1].end - len(batches))]
        for stage in stages:
            stage.run(values, kept)
        return values

    def fed_of(self, values: Values) -> Values:
        """Return all values without those that :attr:`feeding` leaves out."""
        found = [*values[:len(self.batches)]]
        found += [None] * (len(values) - len(found))
        for stage in self.feeding:
            found[stage.start:stage.end] = values[stage.start:stage.end]
        return found

    def results(self, values: Values) -> List[Tensor]:
        """Return the results among all values."""
        return [v for g in self.made for v in values[g.start:g.end]]

    def pull(self,
             batches: Sequence[Tensor],
             grads: Values,
             values: Optional[Values] = None,
             kept: Optional[Kept] = None) -> Values:
        """Return the gradients of batches, None for those without.

        Args:
            batches: The batches.
            grads: Gradients of the results, None for those without.
            values: The values that :attr:`feeding` makes of the batches.
                Defaults to None: they are made anew.
            kept: See :meth:`fed`.
        """
        if values is None:
            values = self.fed(batches, self.feeding, kept)
        found: Values = [None] * len(values)
        each = iter(grads)
        for group in self.made:
            for place in range(group.start, group.end):
                found[place] = next(each)
        for stage in reversed(self.stages):
            stage.pull(values, found, kept)
        return found[:len(batches)]

    def parts(self, results: Sequence[Tensor]) -> List[Tensor]:
        """Return the weight of each block, with its bias if it has one."""
        rows = [result.unbind() for result in results]
        return [rows[i][row] for places in self.where for i, row in places]

    def parted(self, batches: Values) -> Values:
        """Return what is in batches like :attr:`batches`, as views."""
        return [
            part for batch, whole in zip(self.batches, batches)
            for part in batch.parts(whole)
        ]

    def kernels(self, parts: Sequence[Tensor]) -> List[Kernel]:
        """Return :meth:`parts` as kernels."""
        each = iter(parts)
        return [Kernel(*(next(each) for _ in places)) for places in self.where]

    def whole(self, grads: Sequence[Optional[Tensor]]) -> Values:
        """Return gradients of :meth:`parts` as those of the results."""
        shapes = [shape for group in self.made for shape in group.shapes]
        rows: List[Values] = [[None] * shape[0] for shape in shapes]
        places = [place for block in self.where for place in block]
        for (i, row), grad in zip(places, grads):
            rows[i][row] = grad
        there = (filled(r, [s[1:]] * s[0]) for r, s in zip(rows, shapes))
        return [stack(row) if row else None for row in there]

    def reached(self, grads: Values) -> List[bool]:
        """Return for each tensor if a kernel with a gradient has it.

        Args:
            grads: Gradients of :meth:`parts`, None for those without.
        """
        each = iter(grads)
        there = {
            i
            for i, places in enumerate(self.where)
            if any([next(each) is not None for _ in places])
        }
        return [not there.isdisjoint(owners) for owners in self.owners]
