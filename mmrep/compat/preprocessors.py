"""What the hosts' data preprocessors do to each image, from private parts.

Uses ``_enable_normalize`` of mmengine, mmseg and mmpretrain, and
``_channel_conversion`` of mmengine, which mmdet inherits. Nothing public tells
these up to mmengine 0.10, mmseg 1.2 and mmpretrain 1.2.
"""
from typing import Optional

from torch import nn

# the attribute that is true if the order of channels is reversed, by class
ORDERS = {
    'mmengine.ImgDataPreprocessor': '_channel_conversion',
    'mmdet.DetDataPreprocessor': '_channel_conversion',
    'mmseg.SegDataPreProcessor': 'channel_conversion',
    'mmpretrain.ClsDataPreprocessor': 'to_rgb',
}


def known_preprocessor(preprocessor: nn.Module) -> Optional[str]:
    """Return the class of a host whose forward a preprocessor takes.

    Args:
        preprocessor: The built ``data_preprocessor`` of a model.

    Returns:
        The host and the class, None if the forward is of no known class.
    """
    for kind in type(preprocessor).__mro__:
        if 'forward' in vars(kind):
            name = f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
            return name if name in ORDERS else None
    return None


def reverses_channels(preprocessor: nn.Module, channels: int) -> bool:
    """Return True if a known preprocessor makes RGB of BGR.

    Args:
        preprocessor: The preprocessor.
        channels: The number of an image's channels. mmseg and mmpretrain
            reverse three, and leave other numbers as they are.
    """
    order = ORDERS[known_preprocessor(preprocessor)]
    return bool(getattr(preprocessor, order)) and (channels == 3 or order
                                                   == '_channel_conversion')


def normalizes(preprocessor: nn.Module) -> bool:
    """Return True if a known preprocessor subtracts its mean."""
    return bool(preprocessor._enable_normalize)
