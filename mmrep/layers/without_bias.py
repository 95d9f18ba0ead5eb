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

    ``conv_cfg=dict(type='WithoutBias')`` for such as mmpretrain's ``VGG``,
    which gives its convolutions a bias in front of a norm, too, where it does
    nothing. Put a norm behind: nothing else is there to take a bias.

    Args:
        args: Those of the convolution.
        conv: Config of the convolution, or of a block.
        bias: What the host asks for, which is not heard.
        kwargs: Those of the convolution, by name.
    """
    return build_conv_layer(conv, *args, bias=False, **kwargs)
