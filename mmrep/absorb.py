"""Move the biases that fusing makes into the norms that follow."""
import warnings
from typing import Any, Dict, List, NamedTuple, Optional

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from .dyrep.random_state import seeded
from .parts import beside_idle_norms, part_runs
from .probe import Probe, Run, running_means
from .refusals import MADE
from .watching import absorbing

# of the spread of results before and after; rounding in deep nets does less
TOLERANCE = {torch.float64: 1e-6, torch.float32: 2e-3}
COARSE = 0.1  # of other types


class Move(NamedTuple):
    """A bias, and the running means that can take it."""

    conv: nn.Conv2d
    bias: nn.Parameter
    means: List[Tensor]
    before: List[Tensor]

    def do(self) -> None:
        """``norm(x + b) == norm'(x)`` with ``mean' = mean - b``."""
        for mean in self.means:
            mean -= self.bias.to(mean)
        self.conv.bias = None
        delattr(self.conv, MADE)

    def undo(self) -> None:
        """Put all back, bit for bit."""
        for mean, before in zip(self.means, self.before):
            mean.copy_(before)
        self.conv.bias = self.bias
        setattr(self.conv, MADE, True)


def absorb_biases(fused: nn.Module,
                  convs: Dict[str, nn.Conv2d],
                  example: Any = None) -> None:
    """Drop biases where all that follows, as the net runs, are batch norms.

    Stock nets have no bias in front of a norm. A copy in eval mode is run to
    see where norms follow; in doubt a bias stays. The log says what was done.

    Args:
        fused: The fused copy, changed in place.
        convs: Those of its convolutions that may lose their bias, by name.
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
            moves = _absorb(fused, list(convs.values()), example)
    _report(fused, convs, moves)


def _absorb(fused: nn.Module, convs: List[nn.Conv2d],
            example: Any) -> Optional[List[Move]]:
    """What was moved; None if the net could not be run."""
    means = running_means(fused)
    biases = [conv.bias for conv in convs]
    probe = Probe(fused, biases, means)
    runs = probe.runs(example)
    if not runs:
        return None
    runs = part_runs(probe, runs)
    unsure = beside_idle_norms(probe, runs)
    moves = []
    for number, taken in absorbing([run.watch for run in runs]).items():
        if number in unsure:
            continue
        chosen = [means[i] for i in sorted(taken)]
        before = [mean.clone() for mean in chosen]
        moves.append(Move(convs[number], biases[number], chosen, before))
    for move in moves:
        move.do()
    if _still_same(fused, runs):
        return moves
    for move in moves:
        move.undo()
    return []


def _still_same(fused: nn.Module, runs: List[Run]) -> bool:
    """Whether the net still gives what it gave in these runs.

    What takes a tensor outside of torch, or in TorchScript, no watch can see.
    A run without results proves nothing.
    """
    probe = Probe(fused, [], [])
    for run in runs:
        again = probe.try_run(run.where, run.arguments)
        if not run.results or again is None or (len(again.results) != len(
                run.results)):
            return False
        if not all(map(_is_same, run.results, again.results)):
            return False
    return True


def _is_same(a: Tensor, b: Tensor) -> bool:
    if a.shape != b.shape:
        return False
    if not a.is_floating_point() or not a.numel():
        return True
    finite = a.isfinite()
    if not finite.equal(b.isfinite()):
        return False
    share, eps = TOLERANCE.get(a.dtype, COARSE), torch.finfo(a.dtype).eps
    a, b = a[finite].double(), b[finite].double()
    return not a.numel() or ((a - b).abs().max() <= share * _spread(a) +
                             4 * eps * a.abs().max()).item()


def _spread(values: Tensor) -> Tensor:
    """From the least to the largest; the size of one value alone."""
    return values.max() - values.min() if len(values) > 1 else values.abs()


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
            f'this {type(fused).__name__} runs on no guessed image: give '
            '`example`, the arguments of its forward, to mmrep.fuse, and '
            'biases in front of batch norms go into these')
    print_log('; '.join(told), 'current')
