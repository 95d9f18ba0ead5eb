"""MobileNetV1, whose spatial convolutions may be blocks."""
from typing import List, Optional, Sequence, Tuple, Union

from mmengine.model import Sequential
from mmengine.registry import MODELS
from torch import Tensor, nn

from .checks import (check_config, check_flags, check_frozen, check_indices,
                     check_per_stage, check_positive)
from .conv_norm import (INIT_CFG, SeparableBlock, check_norm_behind,
                        conv_norm_relu)
from .rich_backbone import RichBackbone

STEM_CHANNELS = 32
# channels and number of the blocks that see images of one size (table 1)
STAGES = ((64, 1), (128, 2), (256, 2), (512, 6), (1024, 2))


@MODELS.register_module()
class MobileNetV1(RichBackbone):
    """13 depthwise separable convolutions behind a strided 3x3.

    Howard et al., MobileNets: Efficient Convolutional Neural Networks for
    Mobile Vision Applications, 2017, table 1. A stage holds the blocks that
    see images of one size. A block as ``conv_cfg`` replaces the 3x3 of the
    stem and all depthwise convolutions; the 1x1 stay plain, as in DBB's
    MobileNet (Ding et al., CVPR 2021, section 4.1).

    Args:
        in_channels: Channels of the image. Defaults to 3.
        widen_factor: Factor of all channels, alpha of section 3.3. Defaults
            to 1.
        out_indices: Stages whose outputs are returned. Defaults to all.
        strides: Stride of each stage's first block.
        dilations: Dilation of each stage's depthwise convolutions.
        frozen_stages: The stem (0) and the stages up to this one are frozen,
            with everything inside. Defaults to -1, none.
        conv_cfg: The block. Defaults to a plain convolution.
        norm_cfg: The norm after each conv. Defaults to dict(type='BN').
        norm_behind: Whether a norm stands behind a block that ends in norms of
            its own, such as ``DBBConv2d``. Defaults to True; False builds the
            net that DBB's authors train.
        norm_eval: Whether to keep all batch norms in eval mode. Defaults to
            False.
        with_cp: Whether to checkpoint activations. Defaults to False.
        init_cfg: mmengine's config, also ``dict(type='Pretrained', ...)``.

    Shape:
        - Input: (N, in_channels, H, W).
        - Output: a tuple, stage i of (N, C_i, H / 2^(i+1), W / 2^(i+1))
          with the default strides.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> import mmrep
        >>> dbb = dict(type='DBBConv2d')
        >>> net = mmrep.MobileNetV1(widen_factor=0.25, conv_cfg=dbb).eval()
        >>> [x.shape[1] for x in net(torch.randn(1, 3, 64, 64))]
        [16, 32, 64, 128, 256]
    """

    def __init__(self,
                 in_channels: int = 3,
                 widen_factor: float = 1.0,
                 out_indices: Sequence[int] = (0, 1, 2, 3, 4),
                 strides: Sequence[int] = (1, 2, 2, 2, 2),
                 dilations: Sequence[int] = (1, 1, 1, 1, 1),
                 frozen_stages: int = -1,
                 conv_cfg: Optional[dict] = None,
                 norm_cfg: dict = dict(type='BN'),
                 norm_behind: bool = True,
                 norm_eval: bool = False,
                 with_cp: bool = False,
                 init_cfg: Union[dict, List[dict], None] = None) -> None:
        super().__init__(INIT_CFG if init_cfg is None else init_cfg)
        check_positive('widen_factor', widen_factor)
        check_per_stage(len(STAGES), strides, dilations)
        check_indices(out_indices, len(STAGES))
        check_frozen(frozen_stages, len(STAGES))
        check_config('conv_cfg', conv_cfg)
        check_config('norm_cfg', norm_cfg, optional=False)
        check_flags(
            norm_behind=norm_behind, norm_eval=norm_eval, with_cp=with_cp)
        self.out_indices = out_indices
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        channels = _widened(STEM_CHANNELS, widen_factor)
        self.conv1 = conv_norm_relu(
            conv_cfg,
            norm_cfg,
            norm_behind,
            in_channels,
            channels,
            3,
            stride=2,
            padding=1)
        self.stage_names = [f'layer{i + 1}' for i in range(len(STAGES))]
        for i, (width, count) in enumerate(STAGES):
            blocks = []
            for j in range(count):
                in_channels, channels = channels, _widened(width, widen_factor)
                blocks.append(
                    SeparableBlock(in_channels, channels,
                                   1 if j else strides[i], dilations[i],
                                   conv_cfg, norm_cfg, norm_behind, with_cp))
            self.add_module(self.stage_names[i], Sequential(*blocks))
        self.feat_dim = channels
        check_norm_behind(self, norm_behind)
        self._freeze()

    @property
    def stages(self) -> List[Sequential]:
        return [getattr(self, name) for name in self.stage_names]

    def forward(self, x: Tensor) -> Tuple[Tensor, ...]:
        x = self.conv1(x)
        outs = []
        for i, stage in enumerate(self.stages):
            x = stage(x)
            if i in self.out_indices:
                outs.append(x)
        return tuple(outs)

    def up_to(self, stage: int) -> List[nn.Module]:
        return [self.conv1, *self.stages[:stage]]


def _widened(channels: int, factor: float) -> int:
    return max(1, int(channels * factor))
