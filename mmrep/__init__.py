"""Structural re-parameterization for OpenMMLab.

Importing it registers the layers and backbones in mmengine's root registries,
where mmdet, mmseg and mmpretrain find them without a prefix.
"""
from .backbones import OREPAResNet, RepVGGBackbone
from .checkpoints import allow_mmengine_checkpoints
from .fuse import fuse
from .kernel import Kernel
from .layers import OREPAConv2d, RepConv2d, RepVGGConv2d
from .version import __version__

__all__ = [
    'Kernel', 'OREPAConv2d', 'OREPAResNet', 'RepConv2d', 'RepVGGBackbone',
    'RepVGGConv2d', '__version__', 'fuse'
]

allow_mmengine_checkpoints()
