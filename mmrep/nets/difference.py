"""The difference of results."""
from torch import Tensor


def relative_difference(a: Tensor, b: Tensor) -> float:
    """Return ``max |a - b| / max |a|``, infinity if a value is not finite.

    Args:
        a: The reference.
        b: The tensor to compare, of the same shape.

    Examples:
        >>> import torch
        >>> from mmrep.deploy import relative_difference
        >>> a, b = torch.tensor([1.0, 4.0]), torch.tensor([2.0, 4.0])
        >>> relative_difference(a, b)
        0.25
    """
    difference = (a - b).abs().max() / a.abs().max().clamp_min(1e-12)
    return difference.nan_to_num(float('inf')).item()
