"""MobileOne's over-parameterized block."""
from typing import Optional, Sequence, Union

import torch
from mmengine.registry import MODELS

from ..errors import UserError, shown
from .branch_names import MAX_BRANCHES, Branches
from .branched import BranchedConv2d
from .geometry import is_whole
from .rep_conv import Device, Size


@MODELS.register_module()
class MobileOneConv2d(BranchedConv2d):
    """``sum_n norm(conv_kxk(x)) + norm(conv_1x1(x)) + norm(x)``.

    Vasu et al., MobileOne: An Improved One Millisecond Mobile Backbone, CVPR
    2023, section 3.3 and figure 3.

    Args:
        in_channels: See :class:`BranchedConv2d`, as of all but ``num_convs``.
        out_channels: See there.
        kernel_size: See there.
        stride: See there.
        padding: See there.
        dilation: See there.
        groups: See there.
        bias: See there.
        padding_mode: See there.
        device: See there.
        dtype: See there.
        num_convs: How many kxk convolutions. Defaults to 4.
        branches: See there.
        norms: See there.
        norm_cfg: See there.
        kxk: See there.

    Raises:
        UserError: ``num_convs`` is no whole number from 1 to 64.
    """

    def __init__(self,
                 in_channels: int,
                 out_channels: int,
                 kernel_size: Size,
                 stride: Size = 1,
                 padding: Union[Size, str] = 0,
                 dilation: Size = 1,
                 groups: int = 1,
                 bias: bool = True,
                 padding_mode: str = 'zeros',
                 device: Device = None,
                 dtype: Optional[torch.dtype] = None,
                 *,
                 num_convs: int = 4,
                 branches: Optional[Branches] = None,
                 norms: Optional[Sequence[str]] = None,
                 norm_cfg: dict = dict(type='BN'),
                 kxk: Union[dict, bool, None] = None) -> None:
        if not is_whole(num_convs) or not 1 <= num_convs <= MAX_BRANCHES:
            raise UserError(f'`num_convs` (={shown(num_convs)}) must be a '
                            f'whole number from 1 to {MAX_BRANCHES}')
        self._further = [f'kxk_{i}' for i in range(1, num_convs)]
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
            branches=branches,
            norms=norms,
            norm_cfg=norm_cfg,
            kxk=kxk)

    def default_branches(self) -> Sequence[str]:
        return *self._further, '1x1', 'identity'
