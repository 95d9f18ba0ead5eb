"""Convolutions that train rich and deploy as one plain convolution."""
from . import branches, orepa_branches, staged  # they register branches
from .bias_free import without_bias
from .branch import BRANCHES, Branch
from .branched import BranchedConv2d
from .dbb import ACBConv2d, DBBConv2d
from .geometry import Geometry, like
from .large_kernel import LargeKernelConv2d
from .loading import Foreign
from .mobileone import MobileOneConv2d
from .orepa import OREPAConv2d
from .orepa_branch import KERNEL_BRANCHES, KernelBranch
from .rep_conv import RepConv2d
from .repvgg import OREPAVGGConv2d, QARepVGGConv2d, RepVGGConv2d

__all__ = [
    'BRANCHES', 'KERNEL_BRANCHES', 'Branch', 'KernelBranch', 'ACBConv2d',
    'BranchedConv2d', 'Foreign', 'Geometry', 'DBBConv2d', 'LargeKernelConv2d',
    'MobileOneConv2d', 'OREPAConv2d', 'OREPAVGGConv2d', 'QARepVGGConv2d',
    'RepConv2d', 'RepVGGConv2d', 'like', 'without_bias'
]
