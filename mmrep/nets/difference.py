"""How far results are from each other."""
from torch import Tensor


def relative_difference(a: Tensor, b: Tensor) -> float:
    """``max |a - b| / max |a|``; infinite where a value is not finite.

    Args:
        a: The reference.
        b: Of the same shape.
    """
    difference = (a - b).abs().max() / a.abs().max().clamp_min(1e-12)
    return difference.nan_to_num(float('inf')).item()
