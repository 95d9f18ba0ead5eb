"""Plan how the kernels of many blocks are made at once."""
import weakref
from typing import Dict, Hashable, List, Sequence, Set, Tuple

import torch
from torch import nn

from ..layers import RepConv2d
from ..layers.rep_conv import LOUD
from .affines import Affines
from .alike import affine_of, inner_blocks, key_of, own_norms
from .batch import Batch
from .group import Group, Inputs, Rows, Values
from .plan import Plan, Stage
from .sums import columns_of

Blocks = List[RepConv2d]
Norms = Tuple[nn.Module, ...]


def plan_of(blocks: Blocks, joined: bool = True) -> Plan:
    """Return the plan for some blocks.

    Args:
        blocks: Blocks on one device, none inside of another one.
        joined: False for a compiler.
    """
    return _Planner(blocks, joined).plan


class _Planner:
    """The plan for some blocks, and what it takes to make it."""

    def __init__(self, blocks: Blocks, joined: bool) -> None:
        self.joined = joined
        self.batches: List[Batch] = []
        self.stages: List[Stage] = []
        self.home: Dict[RepConv2d, Group] = {}
        self.row: Dict[RepConv2d, int] = {}  # in the batch of the group
        self.scales: Dict[Norms, int] = {}  # places, by the norms in a row
        groups = _groups(blocks)
        own = [[self._add(same) for same in _own(group)] for group in groups]
        rows = list(_rows(groups))
        columns = [self._add_norms(same) for same in rows]
        # constants of a plan may be saved for a backward
        with torch.inference_mode(False), torch.no_grad():
            self.values: Values = [b.of(b.tensors) for b in self.batches]
            for same, places in zip(rows, columns):
                self._add_affines(same, places)
            for group, places in zip(groups, own):
                self._add_group(group, places)
        self.plan = self._plan(blocks)

    def _plan(self, blocks: Blocks) -> Plan:
        made = list(dict.fromkeys(self.home[block] for block in blocks))
        starts = [0]
        for group in made:
            starts.append(starts[-1] + len(group.shapes))
        first = dict(zip(made, starts))
        where = []
        for block in blocks:
            group = self.home[block]
            where.append([(first[group] + i, self.row[block])
                          for i in range(len(group.shapes))])
        inner = {self.home[block] for block in set(self.home) - set(blocks)}
        feeding = [
            stage for stage in self.stages
            if isinstance(stage, Affines) or stage in inner
        ]
        return Plan([weakref.ref(block) for block in blocks], self.batches,
                    self.stages, made, where, feeding,
                    _owners(blocks, self.batches))

    def _add(self, tensors: Sequence[torch.Tensor], is_flat=False) -> int:
        """Add a batch, and return its place."""
        self.batches.append(Batch(tensors, is_flat))
        return len(self.batches) - 1

    def _add_norms(self, rows: List[Norms]) -> List[int]:
        """Add four batches: means, variances, weights, biases of norms."""
        flat = [affine_of(norm) for norms in rows for norm in norms]
        return [self._add(column, True) for column in zip(*flat)]

    def _add_affines(self, rows: List[Norms], columns: List[int]) -> None:
        stage = Affines(rows, columns, self.values)
        self.stages.append(stage)
        for i, norms in enumerate(rows):
            self.scales[norms] = stage.start + 2 * i

    def _add_group(self, blocks: Blocks, own: List[int]) -> None:
        wanted = [self.batches[place].wanted for place in own]
        norms = []
        for same in zip(*map(own_norms, blocks)):
            norms += [self.scales[same], self.scales[same] + 1]
            felt = same[0].weight.requires_grad or same[0].bias.requires_grad
            wanted += [felt, felt]
        inner, biases = [], []
        for same in _columns(blocks, inner_blocks):
            home = self.home[same[0]]
            rows = [self.row[block] for block in same]
            places = range(home.start, home.end)
            device = same[0].origin.device
            inner += [Rows(place, rows, device) for place in places]
            wanted += [home.is_felt] * len(places)
            biases.append(len(places) == 2)
        inputs = Inputs(own, norms, inner, wanted, biases)
        group = Group(blocks[0], inputs, self.values, self.joined)
        _check(blocks[0], self.values[group.start][0])
        self.stages.append(group)
        self.home.update(dict.fromkeys(blocks, group))
        self.row.update((block, i) for i, block in enumerate(blocks))


def _check(block: RepConv2d, weight: torch.Tensor) -> None:
    """Refuse a batch that differs from what a block makes by itself.

    Raises:
        RuntimeError: Its kernel depends on more than tensors and arguments.
    """
    own, _ = block.kernel()
    finite = own.isfinite()
    size = own[finite].abs().max() if finite.any() else 0
    if ((weight - own)[finite].abs() > LOUD * size).any():
        raise RuntimeError(f'a batch has another kernel than a '
                           f'{type(block).__name__} by itself')


def _groups(blocks: Blocks) -> List[Blocks]:
    """Return blocks and those inside, grouped by what is alike.

    A block stands behind those that are inside of it.
    """
    found: Dict[Tuple[int, Hashable], Dict[RepConv2d, None]] = {}

    def visit(block: RepConv2d) -> int:
        inner = inner_blocks(block).values()
        depth = 1 + max(map(visit, inner), default=0)
        found.setdefault((depth, key_of(block)), {})[block] = None
        return depth

    for block in blocks:
        visit(block)
    return [list(found[key]) for key in sorted(found, key=lambda key: key[0])]


def _owners(blocks: Blocks, batches: List[Batch]) -> List[Set[int]]:
    """Return the numbers of the blocks that each tensor is in."""
    found: Dict[int, Set[int]] = {}
    for i, block in enumerate(blocks):
        for tensor in (*block.parameters(), *block.buffers()):
            found.setdefault(id(tensor), set()).add(i)
    return [found[id(t)] for batch in batches for t in batch.tensors]


def _own(blocks: Blocks) -> List[List[torch.Tensor]]:
    """Return the tensors of each batch of the blocks' own ones."""
    columns = zip(*map(columns_of, blocks))
    return [[t for column in same for t in column] for same in columns]


def _columns(blocks, named) -> List[tuple]:
    """Return what each name stands for in all blocks, name by name."""
    return list(zip(*(named(block).values() for block in blocks)))


def _rows(groups: List[Blocks]) -> List[List[Norms]]:
    """Return the norms at each place of each group, by their dtype."""
    found: Dict[Hashable, List[Norms]] = {}
    for group in groups:
        for norms in zip(*map(own_norms, group)):
            found.setdefault(norms[0].running_mean.dtype, []).append(norms)
    return list(found.values())
