"""Structural re-parameterization for OpenMMLab.

Importing it registers the layers and backbones in mmengine's root registries,
where mmdet, mmseg and mmpretrain find them without a prefix.
"""
from .compat.versions import check_versions  # isort: skip

check_versions()  # before a host is imported

from .backbones import (ACBResNet, AlexNetBN, DBBResNet, MobileNetV1,
                        OREPAResNet, OREPAVGGBackbone, RepVGGBackbone,
                        RepVGGResNet)
from .checkpoints import allow_mmengine_checkpoints
from .compat.forks import find_forked_hosts
from .errors import UserError
from .fusing.net import fuse
from .guards import guard_converters
from .heads import auxiliary_cls_head
from .hooks import DyRepHook, KeepKernelsHook, ParameterCheckHook, RepVGGL2Hook
from .kernel import Kernel
from .layers import (ACBConv2d, BranchedConv2d, DBBConv2d, LargeKernelConv2d,
                     MobileOneConv2d, OREPAConv2d, OREPAVGGConv2d,
                     QARepVGGConv2d, RepConv2d, RepVGGConv2d)
from .nets.keep import keep_kernels
from .nets.rich import reparameterize
from .structures.describe import restructure, structure
from .structures.enrich import enrich_on_load
from .version import __version__

__all__ = [
    'ACBConv2d', 'ACBResNet', 'AlexNetBN', 'BranchedConv2d', 'DBBConv2d',
    'DBBResNet', 'DyRepHook', 'KeepKernelsHook', 'Kernel', 'LargeKernelConv2d',
    'MobileNetV1', 'MobileOneConv2d', 'OREPAConv2d', 'OREPAResNet',
    'OREPAVGGBackbone', 'OREPAVGGConv2d', 'ParameterCheckHook',
    'QARepVGGConv2d', 'RepConv2d', 'RepVGGBackbone', 'RepVGGConv2d',
    'RepVGGL2Hook', 'RepVGGResNet', 'UserError', '__version__',
    'auxiliary_cls_head', 'fuse', 'keep_kernels', 'reparameterize',
    'restructure', 'structure'
]

allow_mmengine_checkpoints()
enrich_on_load()
find_forked_hosts()
guard_converters()
