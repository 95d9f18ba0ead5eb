"""Scores: how much each kernel matters to the loss."""
import math
from typing import Dict, Iterable, List, Sequence

import torch
from mmengine.dist import all_reduce
from torch import Tensor
from torch.utils.hooks import RemovableHandle

from ..errors import UserError
from .finite import NotFinite
from .precision import widest

# functions of gradient and weight, summed over steps (DyRep, appendix A.3)
BY_STEP = {
    'synflow': lambda grad, weight: (grad * weight).sum(),
    'snip': lambda grad, weight: (grad * weight).abs().sum(),
    'grad_norm': lambda grad, weight: grad.norm(),
}
METRICS = (*BY_STEP, 'grasp', 'random', 'vote')
VOTERS = ('synflow', 'snip', 'grad_norm', 'grasp')


def check_metric(metric: str) -> None:
    """Refuse a metric that does not exist.

    Raises:
        UserError: ``metric`` is none of ``METRICS``.
    """
    if not isinstance(metric, str) or metric not in METRICS:
        raise UserError(f'`metric` (={metric!r}) must be one of '
                        f'{", ".join(METRICS)}')


def needed(metric: str) -> List[str]:
    """Return the metrics that must be summed in training for a metric."""
    wanted = VOTERS if metric == 'vote' else [metric]
    return [name for name in wanted if name in BY_STEP]


class Scores:
    """Sums of each kernel's scores over training steps, by several metrics.

    Args:
        kernels: The kernels to score, by name.
        metrics: Names of the metrics, all in ``BY_STEP``.

    Examples:
        >>> import torch
        >>> from mmrep.dyrep import Scores
        >>> net = torch.nn.Conv2d(3, 4, 3)
        >>> optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        >>> scores = Scores({'conv': net.weight}, ['snip'])
        >>> net(torch.randn(2, 3, 8, 8)).sum().backward()
        >>> scores.add(optimizer)  # where its step is about to be taken
        >>> scores.means()['snip']['conv'] > 0
        True
    """

    def __init__(self, kernels: Dict[str, Tensor],
                 metrics: Sequence[str]) -> None:
        self.kernels = kernels
        device = next(iter(kernels.values())).device if kernels else 'cpu'
        dtype = widest(device)
        self.sums = {
            metric: torch.zeros(len(kernels), device=device, dtype=dtype)
            for metric in metrics
        }
        self.steps = torch.zeros((), device=device, dtype=dtype)
        self.lost = torch.zeros_like(self.steps)  # steps without a score
        self.calls = 0

    @torch.no_grad()
    def add(self, optimizer: torch.optim.Optimizer, *args) -> None:
        """Add the scores of one step; call this right before the step.

        Only then are gradients reduced over processes and unscaled. Fused
        optimizers unscale within the step and skip a step that overflowed.

        Args:
            optimizer: The optimizer that is about to step.
            args: Further arguments of a pre-hook, which are not used.
        """
        self.calls += 1
        scale = getattr(optimizer, 'grad_scale', None)
        overflow = getattr(optimizer, 'found_inf', None)
        keep = 1.0 if overflow is None else 1.0 - overflow.clamp(max=1)
        self.steps += keep
        lost = torch.zeros_like(self.lost, dtype=torch.bool)
        for metric, sums in self.sums.items():
            values = [
                sums.new_zeros(()) if w.grad is None else BY_STEP[metric](
                    w.grad.float(), w.detach().float())
                for w in self.kernels.values()
            ]
            if not values:
                continue
            now = torch.stack([value.to(sums) for value in values])
            if scale is not None:
                now = now / scale.to(now)
            finite = torch.isfinite(now)
            sums += torch.where(finite, now, 0) * keep
            lost = lost | ~finite.any()
        self.lost += keep * lost

    def watch(self, optimizer: torch.optim.Optimizer) -> RemovableHandle:
        """Add the scores of all steps of an optimizer from now on.

        Args:
            optimizer: The optimizer that trains the kernels.

        Returns:
            The handle, whose ``remove()`` ends this.
        """
        return optimizer.register_step_pre_hook(
            lambda stepping, *_: self.add(stepping))

    def means(self) -> Dict[str, Dict[str, float]]:
        """Return the mean scores over steps and processes, by metric and name.

        A mean is NaN if no step had a finite gradient.
        """
        out = {}
        for metric, sums in self.sums.items():
            means = sums / self.steps.clamp_min(1)
            nothing = (self.lost > 0) & (self.lost == self.steps)
            means = torch.where(nothing, math.nan, means)
            all_reduce(means, 'mean')
            out[metric] = dict(zip(self.kernels, means.tolist()))
        return out

    def state_dict(self) -> dict:
        """Return the sums so far, on the CPU."""
        return dict(
            names=list(self.kernels),
            steps=self.steps.cpu().clone(),
            lost=self.lost.cpu().clone(),
            sums={
                metric: sums.cpu()
                for metric, sums in self.sums.items()
            })

    def load_state_dict(self, state: dict) -> None:
        """Take over sums, if they are of the same kernels and metrics.

        Args:
            state: The result of :meth:`state_dict`. One of other kernels or
                metrics is ignored.
        """
        if state['names'] != list(self.kernels) or (set(state['sums']) != set(
                self.sums)):
            return
        # other devices may have no float64
        self.steps.copy_(state['steps'].to(self.steps.dtype))
        if 'lost' in state:  # files of earlier versions do not have it
            self.lost.copy_(state['lost'].to(self.lost.dtype))
        for metric, sums in state['sums'].items():
            self.sums[metric].copy_(sums.to(self.sums[metric].dtype))


def elect(scores: Dict[str, Dict[str, float]]) -> Dict[str, float]:
    """Let metrics vote, each for the kernel that it scores highest.

    Args:
        scores: The score of each kernel, by metric and name.

    Returns:
        The number of votes of each kernel, plus its mean rank as a fraction
        below 1, which breaks ties.
    """
    names = list(next(iter(scores.values())))
    out = dict.fromkeys(names, 0.0)
    for values in scores.values():
        order = sorted(names, key=values.get)
        out[order[-1]] += 1
        for rank, name in enumerate(order):
            out[name] += rank / (len(names) * len(scores))
    return out


def total(metric: str, found: Dict[str, Dict[str, float]],
          names: Iterable[str]) -> Dict[str, float]:
    """Return the score of each kernel by a metric, by name.

    Args:
        metric: Any metric but 'random'.
        found: Scores by metric and name.
        names: Names of the kernels. A kernel that just became plain has no
            score yet and is left out.

    Raises:
        NotFinite: None of the scores is finite.
    """
    names = [n for n in names if all(n in each for each in found.values())]
    # a rank among values that are not finite would mean nothing
    scored = [
        n for n in names if all(
            math.isfinite(each[n]) for each in found.values())
    ]
    if names and not scored:
        raise NotFinite(f'scores of all {len(names)} kernels')
    found = {
        each: {
            name: values[name]
            for name in scored
        }
        for each, values in found.items()
    }
    if not scored:
        return {}
    return elect(found) if metric == 'vote' else found[metric]


def drawn(names: Iterable[str], seed: int) -> Dict[str, float]:
    """Return random scores.

    Args:
        names: Names of the kernels.
        seed: The seed of the scores.
    """
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.rand((), generator=generator).item() for name in names}
