"""Large kernels with small and dilated ones beside them."""
from typing import Sequence

from mmengine.registry import MODELS

from .branched import BranchedConv2d

# kernel size: (size, dilation) of the branches, in UniRepLKNet's code
DILATED = {
    5: ((3, 1), (3, 2)),
    7: ((5, 1), (3, 2), (3, 3)),
    9: ((5, 1), (5, 2), (3, 3), (3, 4)),
    11: ((5, 1), (5, 2), (3, 3), (3, 4), (3, 5)),
    13: ((5, 1), (7, 2), (3, 3), (3, 4), (3, 5)),
    15: ((5, 1), (7, 2), (3, 3), (3, 5), (3, 7)),
    17: ((5, 1), (9, 2), (3, 4), (3, 5), (3, 7)),
}
SMALL = ((5, 1), )


@MODELS.register_module()
class LargeKernelConv2d(BranchedConv2d):
    """``norm(conv_kxk(x)) + sum_i norm(conv_i(x))``, small or dilated.

    A block up to 17x17 has the dilated kernels of UniRepLKNet (Ding et al.,
    CVPR 2024, section 3.1), a larger one a 5x5 (Ding et al., RepLKNet, CVPR
    2022, section 3.1). It is meant for depthwise convolutions,
    ``groups=in_channels``. See :class:`BranchedConv2d` for the arguments.

    Examples:
        >>> import mmrep
        >>> layer = mmrep.LargeKernelConv2d(8, 8, 13, padding=6, groups=8)
        >>> tuple(layer.fuse().weight.shape)
        (8, 1, 13, 13)
    """

    def default_branches(self) -> Sequence[str]:
        size = max(self.kernel_size)
        below = [known for known in DILATED if known <= size]
        pairs = SMALL if size > max(DILATED) else (
            DILATED[max(below)] if below else ())
        return [f'{k}x{k}_d{d}' if d > 1 else f'{k}x{k}' for k, d in pairs]
