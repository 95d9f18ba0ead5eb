"""Whether runs of a net give the same, up to rounding."""
from typing import List, Optional

import torch
from torch import Tensor

from .probe import Run

# of the spread of results before and after; rounding in deep nets does less
TOLERANCE = {torch.float64: 1e-9, torch.float32: 2e-3}
COARSE = 0.1  # of other types


def same_results(runs: List[Run], again: List[Optional[Run]]) -> bool:
    """Whether a net gives what it gave; without results nothing is proven."""
    return all(
        run.results and other is not None and len(run.results) == len(
            other.results) and all(map(_is_same, run.results, other.results))
        for run, other in zip(runs, again))


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
