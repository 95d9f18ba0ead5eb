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
    2023, section 3.3 and figure 3. See :class:`BranchedConv2d` for the names
    of branches.

    Args:
        in_channels: Number of input channels.
        out_channels: Number of output channels.
        kernel_size: Height and width of the kernel, in pixels.
        stride: Step of the kernel, in pixels. Defaults to 1.
        padding: Pixels on each side, ``same`` or ``valid``. Defaults to 0.
        dilation: Distance of the kernel's taps, in pixels. Defaults to 1.
        groups: Number of groups of channels. Defaults to 1.
        bias: True for a bias of each output channel. Defaults to True.
        padding_mode: ``zeros``, ``reflect``, ``replicate`` or ``circular``.
            Defaults to ``zeros``.
        device: Device of the parameters. Defaults to PyTorch's default.
        dtype: Data type of the parameters. Defaults to PyTorch's default.
        num_convs: Number of kxk convolutions. Defaults to 4.
        branches: Names of the branches beside the kxk, or their options by
            name. Defaults to the block's own.
        norms: Parts with a norm, out of ``kxk``, ``branches`` and ``sum``.
            Defaults to the first two.
        norm_cfg: Config of a batch norm. Defaults to dict(type='BN').
        kxk: Config of a block in place of the kxk kernel, False for none.
            Defaults to none.

    Raises:
        UserError: ``num_convs`` is no whole number from 1 to 64.

    Examples:
        >>> import mmrep
        >>> layer = mmrep.MobileOneConv2d(8, 8, 3, padding=1, num_convs=3)
        >>> list(layer.branches)
        ['kxk_1', 'kxk_2', '1x1', 'identity']
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
