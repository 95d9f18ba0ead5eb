"""The norms inside of blocks."""
from mmcv.cnn import build_norm_layer
from torch import nn


def plain_cfg(norm_cfg: dict) -> dict:
    """The config as data that ``json`` can write, of the same norm."""
    kind = norm_cfg['type']
    if isinstance(kind, type):
        kind = f'{kind.__module__}.{kind.__qualname__}'
    return {**norm_cfg, 'type': kind}


def batch_norm(norm_cfg: dict, channels: int) -> nn.Module:
    """Build a norm that can be folded.

    Raises:
        TypeError: It has no running statistics or no affine map.
    """
    norm = build_norm_layer(norm_cfg, channels)[1]
    if getattr(norm, 'running_var', None) is None or norm.weight is None:
        raise TypeError(
            f'`norm_cfg` (={norm_cfg}) must be a batch norm with running '
            'statistics and an affine map: other norms cannot be folded')
    return norm
