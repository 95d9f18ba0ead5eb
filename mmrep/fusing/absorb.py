"""Move the biases that fusing makes into the norms that follow."""
import copy
import warnings
from typing import Any, Dict, List, NamedTuple, Optional, Set

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from ..compat.pytree import tree_map_only
from ..random_state import seeded
from ..refusals import MADE
from .parts import beside_idle_norms, part_runs
from .probe import Probe, Run, running_means
from .results import same_results
from .watching import absorbing


class Move(NamedTuple):
    """A bias and the running means that can take it.

    Attributes:
        conv: The convolution that has the bias.
        bias: The bias.
        means: The running means of the norms behind.
        before: Copies of the means.
    """

    conv: nn.Conv2d
    bias: nn.Parameter
    means: List[Tensor]
    before: List[Tensor]

    def do(self) -> None:
        """Move the bias: ``norm(x + b) == norm'(x)``, ``mean' = mean - b``."""
        for mean in self.means:
            mean -= self.bias.to(mean)
        self.conv.bias = None
        delattr(self.conv, MADE)

    def undo(self) -> None:
        """Restore the bias and the means, bit for bit."""
        for mean, before in zip(self.means, self.before):
            mean.copy_(before)
        self.conv.bias = self.bias
        setattr(self.conv, MADE, True)


def absorb_biases(fused: nn.Module,
                  convs: Dict[str, nn.Conv2d],
                  example: Any = None) -> None:
    """Move biases into the batch norms behind, where nothing else follows.

    Stock nets have no bias in front of a norm. A copy of the net runs in eval
    mode and shows where norms follow; in doubt a bias stays. The log tells
    which biases moved.

    Args:
        fused: The fused copy, which is changed in place.
        convs: The convolutions that may lose their bias, by name.
        example: See :func:`mmrep.fuse`. Defaults to None, a guess.

    Raises:
        UserError: The net does not run on ``example``.
    """
    convs = {
        name: conv
        for name, conv in convs.items() if conv.bias is not None
    }
    for conv in convs.values():
        setattr(conv, MADE, True)
    if not convs or fused in convs.values():
        return
    moves = None
    if not any(tensor.is_meta for tensor in fused.state_dict().values()):
        with seeded(), torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter('ignore')
            moves = _absorb(fused, convs, example)
    _report(fused, convs, moves)


def _absorb(fused: nn.Module, convs: Dict[str, nn.Conv2d],
            example: Any) -> Optional[List[Move]]:
    """Move the biases and return the moves; None if the net does not run."""
    probe = Probe(fused, [conv.bias for conv in convs.values()],
                  running_means(fused))
    runs = probe.runs(example)
    if not runs:
        return None
    runs = part_runs(probe, runs)
    unsure = beside_idle_norms(probe, runs)
    found = absorbing([run.watch for run in runs])
    taken = {
        name: found[number]
        for number, name in enumerate(convs)
        if number in found and number not in unsure
    }
    if not taken or _same_in_double(fused, taken, runs) is False:
        return []
    moves = _move(fused, taken)
    if same_results(runs, _again(fused, runs)):
        return moves
    for move in moves:
        move.undo()
    return []


def _move(net: nn.Module, taken: Dict[str, Set[int]]) -> List[Move]:
    """Move biases into the means with the given numbers.

    Args:
        net: The net, which is changed in place.
        taken: Numbers of the running means that take a bias, by the name of
            the convolution.
    """
    means, moves = running_means(net), []
    for name, numbers in taken.items():
        conv = net.get_submodule(name)
        chosen = [means[number] for number in sorted(numbers)]
        before = [mean.clone() for mean in chosen]
        moves.append(Move(conv, conv.bias, chosen, before))
    for move in moves:
        move.do()
    return moves


def _same_in_double(fused: nn.Module, taken: Dict[str, Set[int]],
                    runs: List[Run]) -> Optional[bool]:
    """Return True if results stay in double precision.

    No watch can see uses of a tensor outside of torch or in TorchScript, and
    in single precision small changes look like rounding. Each way to run the
    net is taken once.

    Returns:
        True if the results stay, False if they change. None if the net does
        not run in double precision.
    """
    try:
        twin = copy.deepcopy(fused).double()
        runs = [
            run._replace(
                arguments=tree_map_only(Tensor, _double, run.arguments))
            for run in {
                run.where: run
                for run in reversed(runs)
            }.values()
        ]
    except Exception:  # a device or a module without this precision
        return None
    before = _again(twin, runs)
    if None in before:
        return None
    _move(twin, taken)
    return same_results(before, _again(twin, runs))


def _double(tensor: Tensor) -> Tensor:
    return tensor.double() if tensor.is_floating_point() else tensor


def _again(net: nn.Module, runs: List[Run]) -> List[Optional[Run]]:
    """Repeat runs on a net that has changed; a run that fails gives None."""
    probe = Probe(net, [], [])
    return [probe.try_run(run.where, run.arguments) for run in runs]


def _report(fused: nn.Module, convs: Dict[str, nn.Conv2d],
            moves: Optional[List[Move]]) -> None:
    kept = [name for name, conv in convs.items() if conv.bias is not None]
    moved = [name for name in convs if name not in kept]
    told = []
    if moved:
        told.append(f'the biases of {len(moved)} fused convolutions, e.g. '
                    f'{moved[0]!r}, went into the batch norms behind them')
    if kept:
        told.append(f'{len(kept)} fused convolutions, e.g. {kept[0]!r}, keep '
                    'their biases')
    if moves is None:
        told.append(
            f'this {type(fused).__name__} does not run on guessed images: '
            'pass `example`, the arguments of its forward, to mmrep.fuse to '
            'move biases into the batch norms behind')
    print_log('; '.join(told), 'current')
