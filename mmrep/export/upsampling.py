"""Upsampling whose sizes exporters can follow.

mmseg's ``Upsample`` computes the new size by Python's ``int``, which makes a
fixed number of the size of an example. Torch's own computes it in the graph.
"""
from torch import nn

from ..nets.walk import names, replace


def with_torch_upsampling(model: nn.Module) -> nn.Module:
    """Replace mmseg's upsampling by whole factors with torch's own.

    The two are equal for whole factors alone: others are rounded differently.

    Args:
        model: The model, changed in place.

    Returns:
        The model; an ``nn.Upsample`` if the model itself upsamples.
    """
    return replace(
        model, {
            module:
            nn.Upsample(
                scale_factor=module.scale_factor,
                mode=module.mode,
                align_corners=module.align_corners)
            for module in names(model) if _upsamples_by_whole_factor(module)
        })


def _upsamples_by_whole_factor(module: nn.Module) -> bool:
    kind = type(module)
    # mmseg may be missing, so that the class cannot be imported
    if kind.__name__ != 'Upsample' or not kind.__module__.startswith('mmseg.'):
        return False
    factor = module.scale_factor
    return not module.size and isinstance(factor,
                                          float) and factor.is_integer()
