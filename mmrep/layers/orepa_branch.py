"""A branch of an OREPA block, and the registry of all kinds of them."""
from typing import Dict, Optional, Sequence, Tuple

import torch
from mmengine.registry import Registry
from torch import Tensor, nn
from torch.nn import init

from ..errors import lacks
from ..kernel import Kernel
from .branch import LAST
from .orepa_terms import Term

KERNEL_BRANCHES = Registry('kernel branch', locations=['mmrep.layers'])
LARGE = 7  # kernels of this side or a larger one are products


class KernelBranch(nn.Module):
    """One summand of a block's kernel: a module whose forward returns it.

    ``@KERNEL_BRANCHES.register_module('edge')`` makes a subclass a branch of
    that name in :class:`OREPAConv2d`. It implements :meth:`forward`; the other
    methods and the attributes have defaults.

    Attributes:
        order: Position in the block's scaling vector. Defaults to the end.
        first_scale: Scale with which the branch starts.
        starts_reset: True if :meth:`build` has initialised the parameters.
        last: Name of the parameter that zeroes the kernel.
        names: Names of the factors that :meth:`term` contracts.

    Args:
        in_channels: Number of the block's input channels.
        out_channels: Number of the block's output channels.
        kernel_size: Height and width of the block's kernel.
        groups: Number of the block's groups.
        scaling: The block's scaling, see :class:`OREPAConv2d`.
        internal_channels: Number of channels between the kernels of
            ``1x1_kxk``; None for the official rule.
        factory: ``device`` and ``dtype`` of new tensors.

    Examples:
        >>> import mmrep
        >>> from torch.nn.functional import pad
        >>> from mmrep.layers import KERNEL_BRANCHES, KernelBranch
        >>> @KERNEL_BRANCHES.register_module('corner')
        ... class Corner(KernelBranch):  # 1x1, at the kernel's first pixel
        ...
        ...     def forward(self):
        ...         height, width = self.kernel_size
        ...         weight = pad(self.weight, (0, width - 1, 0, height - 1))
        ...         return mmrep.Kernel(weight)
        >>> layer = mmrep.OREPAConv2d(
        ...     3, 8, 3, padding=1, branches=('origin', 'corner'))
        >>> list(layer.branches), tuple(layer.scale.shape)
        (['corner'], (2, 8))
    """

    order: int = LAST
    first_scale: float = 1.0
    starts_reset: bool = False
    last: str = 'weight'
    names: Sequence[str] = ('weight', )

    def __init__(self, in_channels: int, out_channels: int,
                 kernel_size: Tuple[int, int], groups: int, scaling: str,
                 internal_channels: Optional[int], **factory) -> None:
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.groups = tuple(kernel_size), groups
        self.scaling, self.internal_channels = scaling, internal_channels
        self.factory = factory
        self.build(in_channels // groups)

    @classmethod
    def fits(cls, kernel_size: Tuple[int, int]) -> bool:
        """Return True if kernels of this size can have the branch."""
        return 1 < max(kernel_size) < LARGE

    def build(self, in_per_group: int) -> None:
        """Create the parameters: by default ``weight``, a 1x1 kernel."""
        self.weight = self.parameter(self.out_channels, in_per_group, 1, 1)

    def parameter(self, *shape: int) -> nn.Parameter:
        return nn.Parameter(torch.empty(shape, **self.factory))

    def reset_parameters(self) -> None:
        for parameter in self.parameters():
            init.kaiming_uniform_(parameter, a=0)

    def forward(self) -> Kernel:
        """Return the branch as one kernel of the block's size.

        Its weight is (out_channels, in_channels / groups, *kernel_size).
        """
        raise lacks(self, KernelBranch, 'forward')

    def term(self) -> Optional[Term]:
        """Return the term that adds the branch, None to add its kernel."""
        return None

    def term_factors(self) -> Sequence[Tensor]:
        """Return the tensors that the term contracts."""
        return [getattr(self, name) for name in self.names]

    def silence(self) -> None:
        """Zero one factor of the kernel: the kernel is 0 and can regrow."""
        init.zeros_(getattr(self, self.last))


def kinds_for(kernel_size: Tuple[int, int]) -> Dict[str, type]:
    """Return the kinds of branches for a kernel of this size, in order."""
    known = sorted(
        KERNEL_BRANCHES.module_dict.items(), key=lambda item: item[1].order)
    return {name: kind for name, kind in known if kind.fits(kernel_size)}
