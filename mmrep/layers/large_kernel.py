"""Large kernels with small and dilated ones beside them."""
from typing import Sequence

from mmengine.registry import MODELS

from .branched import BranchedConv2d


@MODELS.register_module()
class LargeKernelConv2d(BranchedConv2d):
    """``norm(conv_kxk(x)) + sum_i norm(conv_i(x))``, small or dilated.

    A 5x5 beside it (Ding et al., RepLKNet, CVPR 2022, section 3.1), and up to
    17x17 dilated kernels that reach as far as it does (Ding et al.,
    UniRepLKNet, CVPR 2024, section 3.1). Meant for depthwise convolutions,
    ``groups=in_channels``; see :class:`BranchedConv2d` for the arguments.
    """

    def default_branches(self) -> Sequence[str]:
        size = max(self.kernel_size)
        if size > 17:
            return '5x5',
        names = ['5x5'] if size > 5 else []
        for dilation in range(1, 8):
            small = 3 if dilation > 2 or size < 11 else 5
            if (small - 1) * dilation + 1 < size:
                names.append(f'{small}x{small}_d{dilation}')
        return names
