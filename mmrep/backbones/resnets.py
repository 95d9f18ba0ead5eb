"""ResNets of the methods, which say which convolutions are blocks."""
from mmengine.registry import MODELS

from .rep_resnet import RepResNet
from .res_block import Convs


@MODELS.register_module()
class OREPAResNet(RepResNet):
    """A ResNet of OREPA blocks, see :class:`RepResNet` for the arguments.

    Hu et al., Online Convolutional Re-parameterization, CVPR 2022, figure 6:
    the 7x7 stem is a linear deep stem, and every 1x1 and 3x3 convolution is a
    block. In ResNet-18 and -34 the shortcuts stay plain, as in the official
    code.

    Examples:
        >>> import torch
        >>> import mmrep
        >>> net = mmrep.OREPAResNet(18, base_channels=8).eval()
        >>> [tuple(x.shape) for x in net(torch.randn(1, 3, 32, 32))]
        [(1, 8, 8, 8), (1, 16, 4, 4), (1, 32, 2, 2), (1, 64, 1, 1)]
    """

    @staticmethod
    def default_convs(norm_cfg: dict) -> Convs:
        orepa = dict(type='OREPAConv2d')
        return Convs(stem=orepa, pointwise=orepa, spatial=orepa)


@MODELS.register_module()
class DBBResNet(RepResNet):
    """A ResNet whose 3x3 convolutions are Diverse Branch Blocks.

    Ding et al., Diverse Branch Block, CVPR 2021. The 1x1 and the 7x7 stay
    plain, as in the official code; ``norm_behind=False`` builds the official
    net. See :class:`RepResNet` for the arguments.

    Examples:
        >>> import mmrep
        >>> net = mmrep.DBBResNet(18, base_channels=8, norm_behind=False)
        >>> type(net.layer1[0].conv1).__name__, type(net.conv1).__name__
        ('DBBConv2d', 'Conv2d')
    """

    @staticmethod
    def default_convs(norm_cfg: dict) -> Convs:
        return Convs(spatial=dict(type='DBBConv2d', norm_cfg=norm_cfg))


@MODELS.register_module()
class ACBResNet(RepResNet):
    """A ResNet whose 3x3 convolutions are Asymmetric Convolution Blocks.

    Ding et al., ACNet, ICCV 2019. See :class:`RepResNet` for the arguments.

    Examples:
        >>> import mmrep
        >>> net = mmrep.ACBResNet(18, base_channels=8)
        >>> list(net.layer1[0].conv1.branches)
        ['1xk', 'kx1']
    """

    @staticmethod
    def default_convs(norm_cfg: dict) -> Convs:
        return Convs(spatial=dict(type='ACBConv2d', norm_cfg=norm_cfg))


@MODELS.register_module()
class RepVGGResNet(RepResNet):
    """A ResNet whose 3x3 convolutions are RepVGG blocks.

    Ding et al., RepVGG, CVPR 2021. See :class:`RepResNet` for the arguments.

    Examples:
        >>> import mmrep
        >>> net = mmrep.RepVGGResNet(18, base_channels=8)
        >>> list(net.layer1[0].conv1.branches)
        ['1x1', 'identity']
    """

    @staticmethod
    def default_convs(norm_cfg: dict) -> Convs:
        return Convs(spatial=dict(type='RepVGGConv2d', norm_cfg=norm_cfg))
