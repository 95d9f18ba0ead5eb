"""Comparison of the results of runs, up to rounding."""
from typing import List, Optional

import torch
from torch import Tensor

from .probe import Run

# as a multiple of the results' spread; rounding in deep nets does less
TOLERANCE = {torch.float64: 1e-9, torch.float32: 2e-3}
COARSE = 0.1  # the same for other types


def same_results(runs: List[Run], again: List[Optional[Run]]) -> bool:
    """Return True if the results of all runs stay; runs need results.

    Args:
        runs: The runs before a change.
        again: The same runs after it, None for each that failed.
    """
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
    """Return the largest value minus the least, or the size of a sole one."""
    return values.max() - values.min() if len(values) > 1 else values.abs()
