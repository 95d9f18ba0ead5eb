"""How the kernels of many blocks are made at once."""
from typing import Dict, Hashable, List, Sequence, Union

from torch import Tensor, nn

from ..layers import RepConv2d
from .affines import Affines
from .alike import affine_of, inner_blocks, key_of, own_norms, own_tensors
from .group import Group, Inputs, Values


class Plan:
    """The kernels of blocks as a function of all their tensors.

    Args:
        blocks: The blocks, none inside of another one.

    Attributes:
        tensors: All tensors that the kernels depend on, each once.
        blocks: The blocks, in the order of their kernels.
    """

    def __init__(self, blocks: Sequence[RepConv2d]) -> None:
        self.blocks = list(blocks)
        rows = list(_groups(blocks))
        self.tensors = list(dict.fromkeys(t for row in rows for t in _of(row)))
        self.places = {tensor: i for i, tensor in enumerate(self.tensors)}
        values: Values = list(self.tensors)
        self.stages: List[Union[Affines, Group]] = []
        affines = self._add_affines(rows, values)
        self.groups: Dict[RepConv2d, Group] = {}
        for row in rows:
            group = Group(row, self._inputs(row, affines), values)
            self.stages.append(group)
            self.groups.update(dict.fromkeys(row, group))
        self.size = len(values)
        self.slots = [s for b in self.blocks for s in self._slots(b)]
        self.first = [s for s in self.stages if self._feeds(s)]

    def kernels(self, tensors: Sequence[Tensor]) -> List[Tensor]:
        """Return the weights of all blocks, each with its bias, if any."""
        values = self._values(tensors)
        for stage in self.stages:
            stage.run(values)
        return [values[slot] for slot in self.slots]

    def gradients(self, tensors: Sequence[Tensor], grads: Values) -> Values:
        """Return the gradients of the tensors, None for those without.

        Args:
            tensors: The tensors that :meth:`kernels` got.
            grads: Gradients of its results, None for those without.
        """
        values = self._values(tensors)
        for stage in self.first:
            stage.run(values)
        found: Values = [None] * self.size
        for slot, grad in zip(self.slots, grads):
            found[slot] = grad
        for stage in reversed(self.stages):
            stage.pull(values, found)
        return found[:len(tensors)]

    @property
    def sizes(self) -> List[int]:
        """Return the number of results of each block: 1, or 2 with a bias."""
        return [len(self._slots(block)) for block in self.blocks]

    def _values(self, tensors: Sequence[Tensor]) -> Values:
        return [*tensors, *[None] * (self.size - len(tensors))]

    def _slots(self, block: RepConv2d) -> List[int]:
        return self.groups[block].slots_of(block)

    def _feeds(self, stage: Union[Affines, Group]) -> bool:
        """Return True if others need the results of a stage."""
        return isinstance(stage, Affines) or not set(self.blocks).issuperset(
            stage.blocks)

    def _add_affines(self, rows: List[List[RepConv2d]],
                     values: Values) -> Dict[nn.Module, int]:
        """Add the affine maps of norms, and return the places of scales."""
        found: Dict[Hashable, List[List[nn.Module]]] = {}
        for row in rows:
            for norms in zip(*map(own_norms, row)):
                mean = norms[0].running_mean
                found.setdefault((mean.dtype, mean.device), []).append(norms)
        where = {}
        for same in found.values():
            flat = [affine_of(norm) for norms in same for norm in norms]
            columns = [[self.places[t] for t in col] for col in zip(*flat)]
            stage = Affines(same, columns, values)
            self.stages.append(stage)
            for i, norms in enumerate(same):
                where[norms[0]] = stage.start + 2 * i
        return where

    def _inputs(self, row: List[RepConv2d],
                affines: Dict[nn.Module, int]) -> Inputs:
        """Return the inputs of a group of blocks that are alike."""
        own = [[self.places[t] for t in own_tensors(b).values()] for b in row]
        wanted = [t.requires_grad for t in own_tensors(row[0]).values()]
        inner = [[
            slot for block in inner_blocks(b).values()
            for slot in self._slots(block)
        ] for b in row]
        kinds = inner_blocks(row[0]).values()
        sizes = [len(self._slots(block)) for block in kinds]
        wanted += [
            self.groups[block].is_felt for block, size in zip(kinds, sizes)
            for _ in range(size)
        ]
        batches = []
        for norm in own_norms(row[0]):
            batches += [affines[norm], affines[norm] + 1]
            felt = norm.weight.requires_grad or norm.bias.requires_grad
            wanted += [felt, felt]
        stacked = [*zip(*own), *zip(*inner)]
        return Inputs(stacked, batches, wanted, [n == 2 for n in sizes])


def _groups(blocks: Sequence[RepConv2d]) -> List[List[RepConv2d]]:
    """Return blocks and those inside, grouped by what is alike.

    A block stands behind those that are inside of it.
    """
    found: Dict[Hashable, List[RepConv2d]] = {}

    def visit(block: RepConv2d) -> int:
        inner = inner_blocks(block).values()
        depth = 1 + max(map(visit, inner), default=0)
        same = found.setdefault((depth, key_of(block)), [])
        if block not in same:
            same.append(block)
        return depth

    for block in blocks:
        visit(block)
    return [found[key] for key in sorted(found, key=lambda key: key[0])]


def _of(row: List[RepConv2d]) -> List[Tensor]:
    """Return the tensors of blocks and of their norms."""
    return [
        tensor for block in row
        for tensor in (*own_tensors(block).values(),
                       *(t for n in own_norms(block) for t in affine_of(n)))
    ]
