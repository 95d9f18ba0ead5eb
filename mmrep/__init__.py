"""Structural re-parameterization for OpenMMLab.

Importing mmrep registers its layers and backbones in mmengine's root
registries, where the hosts (mmdet, mmseg, mmpretrain and others) find them
without a prefix. :mod:`mmrep.patches` holds what else the import changes in
other libraries.
"""
from .compat.versions import check_versions  # isort: skip

check_versions()  # before a host is imported

from . import deploy
from .backbones import (ACBResNet, AlexNetBN, DBBResNet, MobileNetV1,
                        OREPAResNet, OREPAVGGBackbone, RepVGGBackbone,
                        RepVGGResNet)
from .errors import UserError
from .fusing.net import fuse
from .heads import auxiliary_cls_head
from .hooks import (BatchKernelsHook, DyRepHook, KeepKernelsHook,
                    ParameterCheckHook, RepVGGL2Hook, TrainingRecordHook)
from .kernel import Kernel
from .layers import (ACBConv2d, BranchedConv2d, DBBConv2d, LargeKernelConv2d,
                     MobileOneConv2d, OREPAConv2d, OREPAVGGConv2d,
                     QARepVGGConv2d, RepConv2d, RepVGGConv2d)
from .nets.keep import keep_kernels
from .nets.rich import reparameterize
from .parameter_groups import GroupedOptimWrapperConstructor
from .patches import (applied_patches, apply_at_import, apply_patches,
                      undo_patches)
from .structures import restructure, structure
from .together import batch_kernels
from .version import __version__

__all__ = [
    'ACBConv2d', 'ACBResNet', 'AlexNetBN', 'BatchKernelsHook',
    'BranchedConv2d', 'DBBConv2d', 'DBBResNet', 'DyRepHook',
    'GroupedOptimWrapperConstructor', 'KeepKernelsHook', 'Kernel',
    'LargeKernelConv2d', 'MobileNetV1', 'MobileOneConv2d', 'OREPAConv2d',
    'OREPAResNet', 'OREPAVGGBackbone', 'OREPAVGGConv2d', 'ParameterCheckHook',
    'QARepVGGConv2d', 'RepConv2d', 'RepVGGBackbone', 'RepVGGConv2d',
    'RepVGGL2Hook', 'RepVGGResNet', 'TrainingRecordHook', 'UserError',
    '__version__', 'applied_patches', 'apply_patches', 'auxiliary_cls_head',
    'batch_kernels', 'fuse', 'keep_kernels', 'reparameterize', 'restructure',
    'structure', 'undo_patches'
]

apply_at_import()
