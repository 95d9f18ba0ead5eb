"""Convolutions without a bias, in hosts' modules that give them one."""
from mmcv.cnn import build_conv_layer
from mmengine.registry import MODELS
from torch import nn


@MODELS.register_module(name='WithoutBias')
def without_bias(*args,
                 conv: dict = dict(type='Conv2d'),
                 bias: bool = False,
                 **kwargs) -> nn.Module:
    """Build a convolution without a bias, whatever a host asks for.

    ``conv_cfg=dict(type='WithoutBias')`` is for nets such as mmpretrain's
    ``VGG``, which gives its convolutions a bias even in front of a norm, where
    it does nothing. Put a norm behind: nothing else can do the work of a bias.

    Args:
        args: Positional arguments of the convolution.
        conv: Config of the convolution, or of a block. Defaults to
            dict(type='Conv2d').
        bias: The host's choice, which is ignored. Defaults to False.
        kwargs: Keyword arguments of the convolution.

    Examples:
        >>> from mmcv.cnn import build_conv_layer
        >>> import mmrep
        >>> conv_cfg = dict(type='WithoutBias', conv=dict(type='DBBConv2d'))
        >>> build_conv_layer(conv_cfg, 3, 8, 3, bias=True).bias is None
        True
    """
    return build_conv_layer(conv, *args, bias=False, **kwargs)
