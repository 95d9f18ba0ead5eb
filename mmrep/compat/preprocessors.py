"""What the hosts' data preprocessors do to each image, from private parts.

Uses ``_enable_normalize`` of mmengine, mmseg and mmpretrain, and
``_channel_conversion`` of mmengine, which mmdet and the maintained fork of
mmseg inherit. Nothing public tells these up to mmengine 0.10, mmseg 1.2,
mmpretrain 1.2 and their forks.
"""
from typing import NamedTuple, Optional

from torch import nn


class Order(NamedTuple):
    """How a class tells that it reverses the order of channels.

    Attributes:
        names: The attribute that is true then, by the versions of the host.
        any_channels: False if it reverses three channels, and leaves images
            with other numbers of channels as they are.
    """

    names: tuple
    any_channels: bool


OF_ENGINE = Order(('_channel_conversion', ), True)
ORDERS = {
    'mmengine.ImgDataPreprocessor':
    OF_ENGINE,
    'mmdet.DetDataPreprocessor':
    OF_ENGINE,
    'mmseg.SegDataPreProcessor':
    Order(('channel_conversion', '_channel_conversion'), False),
    'mmpretrain.ClsDataPreprocessor':
    Order(('to_rgb', ), False),
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
        channels: The number of an image's channels.
    """
    order = ORDERS[known_preprocessor(preprocessor)]
    if channels != 3 and not order.any_channels:
        return False
    found = vars(preprocessor)
    name = next(name for name in order.names if name in found)
    return bool(found[name])


def normalizes(preprocessor: nn.Module) -> bool:
    """Return True if a known preprocessor subtracts its mean."""
    return bool(preprocessor._enable_normalize)
