"""ResNet and ResNeXt of re-parameterized convolutions."""
from typing import List, Optional, Sequence, Tuple, Union

from mmcv.cnn import build_conv_layer
from mmengine.logging import print_log
from torch import Tensor, nn

from ..errors import UserError
from ..layers.norm_inside import NormInside
from .checks import (check_config, check_flags, check_frozen, check_grid,
                     check_stages)
from .conv_norm import INIT_CFG, check_norm_behind, norm_behind_conv
from .res_block import BasicBlock, BlockOptions, Bottleneck, Convs, ResBlock
from .res_stage import deep_stem as make_deep_stem
from .res_stage import inner_width, res_stage, stage_dilations, stage_plugins
from .rich_backbone import RichBackbone

ARCHITECTURES = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}


class RepResNet(RichBackbone):
    """A ResNet whose convolutions are blocks, with norms behind them.

    Its arguments are the union of those of mmdet's, mmseg's and mmpretrain's
    ResNet and ResNeXt; its module names and feature shapes are theirs.
    :meth:`default_convs` of a subclass says which convolutions are blocks.

    Args:
        depth: 18, 34, 50, 101 or 152.
        in_channels: Channels of the image. Defaults to 3.
        stem_channels: Channels of the stem. Defaults to ``base_channels``.
        base_channels: Channels of the first stage; 128 makes a wide net.
            Defaults to 64.
        expansion: Output channels of a block as a multiple of its inner
            channels. Defaults to 1 for depth 18 and 34, else to 4.
        num_stages: Number of stages, at most four. Defaults to 4.
        strides: Stride of each stage.
        dilations: Dilation of each stage.
        out_indices: Stages whose outputs are returned. Defaults to all.
        style: ``pytorch`` strides in the 3x3, ``caffe`` in the first 1x1.
        deep_stem: Whether the stem has three 3x3 with norms instead of the 7x7
            (ResNetV1c, V1d).
        avg_down: Whether to average before a strided shortcut (ResNetV1d).
        frozen_stages: The stem (0) and the stages up to this one are frozen,
            with everything inside. Defaults to -1, none.
        groups: Groups of the 3x3 of a bottleneck, 32 in ResNeXt-50 32x4d.
        width_per_group: Width of each group of that 3x3, 4 in ResNeXt-50
            32x4d; 128 with one group in a Wide ResNet-50-2.
        base_width: mmdet's name of ``width_per_group``.
        conv_cfg: The block for all convolutions (but not the shortcuts for
            depth 18 and 34), in place of the method's own.
        norm_cfg: The norm after each conv. Defaults to dict(type='BN').
        norm_behind: Whether a norm stands behind a block that ends in norms of
            its own, such as ``DBBConv2d``, as behind plain convolutions.
            Defaults to True.
        norm_eval: Whether to keep all batch norms in eval mode. Defaults to
            False.
        dcn: Config of deformable 3x3 convs.
        stage_with_dcn: Whether each stage has them.
        plugins: mmdet's and mmseg's plugins.
        multi_grid: Dilations of the last stage's blocks.
        contract_dilation: Whether to halve the first dilation of each stage.
        with_cp: Whether to checkpoint activations. Defaults to False.
        zero_init_residual: Whether the last norm of each residual block starts
            at zero; a residual block that ends without one (``norm_behind``)
            starts as it is.
        drop_path_rate: Rate of stochastic depth. Defaults to 0.
        stem_cfg: The block of the stem alone, such as
            ``dict(type='OREPAConv2d', branches='plain_stem')``. Defaults to
            that of ``conv_cfg``, or to the method's own.
        pretrained: Deprecated form of ``init_cfg``.
        init_cfg: mmengine's config, also ``dict(type='Pretrained', ...)``.
            Defaults to Kaiming's normal for plain convolutions, as in the
            hosts; an empty list leaves PyTorch's initial weights.

    Shape:
        - Input: (N, in_channels, H, W).
        - Output: a tuple, stage i of (N, C_i, H / 2^(i+2), W / 2^(i+2))
          with the default strides.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> from mmrep.backbones import RepResNet
        >>> from mmrep.backbones.res_block import Convs
        >>> class StemResNet(RepResNet):
        ...     @staticmethod
        ...     def default_convs(norm_cfg):
        ...         return Convs(stem=dict(type='OREPAConv2d'))
        >>> type(StemResNet(18, base_channels=8).conv1).__name__
        'OREPAConv2d'
    """

    def __init__(self,
                 depth: int,
                 in_channels: int = 3,
                 stem_channels: Optional[int] = None,
                 base_channels: int = 64,
                 expansion: Optional[int] = None,
                 num_stages: int = 4,
                 strides: Sequence[int] = (1, 2, 2, 2),
                 dilations: Sequence[int] = (1, 1, 1, 1),
                 out_indices: Sequence[int] = (0, 1, 2, 3),
                 style: str = 'pytorch',
                 deep_stem: bool = False,
                 avg_down: bool = False,
                 frozen_stages: int = -1,
                 groups: int = 1,
                 width_per_group: Optional[int] = None,
                 base_width: Optional[int] = None,
                 conv_cfg: Optional[dict] = None,
                 norm_cfg: dict = dict(type='BN', requires_grad=True),
                 norm_behind: bool = True,
                 norm_eval: bool = False,
                 dcn: Optional[dict] = None,
                 stage_with_dcn: Sequence[bool] = (False, ) * 4,
                 plugins: Optional[Sequence[dict]] = None,
                 multi_grid: Optional[Sequence[int]] = None,
                 contract_dilation: bool = False,
                 with_cp: bool = False,
                 zero_init_residual: bool = True,
                 drop_path_rate: float = 0.0,
                 stem_cfg: Optional[dict] = None,
                 pretrained: Optional[str] = None,
                 init_cfg: Union[dict, List[dict], None] = None) -> None:
        super().__init__(_init_cfg(pretrained, init_cfg))
        if depth not in ARCHITECTURES:
            raise ValueError(
                f'`depth` (={depth}) must be one of {list(ARCHITECTURES)}')
        check_stages(num_stages, strides, dilations, out_indices, style)
        check_frozen(frozen_stages, num_stages)
        check_config('norm_cfg', norm_cfg, optional=False)
        check_config('conv_cfg', conv_cfg)
        check_config('stem_cfg', stem_cfg)
        check_flags(
            deep_stem=deep_stem,
            avg_down=avg_down,
            norm_behind=norm_behind,
            norm_eval=norm_eval,
            contract_dilation=contract_dilation,
            with_cp=with_cp,
            zero_init_residual=zero_init_residual)
        check_grid(multi_grid, ARCHITECTURES[depth][1][num_stages - 1])
        block, blocks = ARCHITECTURES[depth]
        self.out_indices = out_indices
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        self.zero_init_residual = zero_init_residual
        convs = Convs(*[conv_cfg] *
                      3) if conv_cfg else self.default_convs(norm_cfg)
        options = BlockOptions(
            convs=convs,
            shortcut_conv_cfg=None if block is BasicBlock else convs.pointwise,
            norm_cfg=norm_cfg,
            norm_behind=norm_behind,
            style=style,
            avg_down=avg_down,
            groups=groups,
            with_cp=with_cp,
            drop_path_rate=drop_path_rate)
        channels = stem_channels or base_channels
        self._add_stem(
            in_channels, channels, deep_stem,
            options._replace(
                convs=Convs(
                    stem=stem_cfg or convs.stem,
                    spatial=stem_cfg or convs.spatial)))
        self.res_layers = [f'layer{i + 1}' for i in range(num_stages)]
        width_per_group = width_per_group or base_width
        for i, name in enumerate(self.res_layers):
            planes = base_channels * 2**i
            out_channels = planes * (expansion or block.expansion)
            stage = res_stage(
                block, channels,
                inner_width(planes, base_channels, groups, width_per_group),
                out_channels, strides[i],
                stage_dilations(dilations[i], blocks[i], contract_dilation,
                                multi_grid if i == num_stages - 1 else None),
                options._replace(
                    dcn=dcn if stage_with_dcn[i] else None,
                    plugins=stage_plugins(plugins, i)))
            self.add_module(name, stage)
            channels = out_channels
        self.feat_dim = channels
        check_norm_behind(self, norm_behind)
        self._freeze()

    @staticmethod
    def default_convs(norm_cfg: dict) -> Convs:
        """Say which convolutions are blocks, with norms of ``norm_cfg``."""
        raise NotImplementedError

    def _add_stem(self, in_channels: int, channels: int, deep: bool,
                  options: BlockOptions) -> None:
        if deep:
            self.stem = make_deep_stem(in_channels, channels, options)
        else:
            self.conv1 = build_conv_layer(
                options.convs.stem,
                in_channels,
                channels,
                7,
                stride=2,
                padding=3,
                bias=False)
            self.norm1_name, norm = norm_behind_conv(self.conv1,
                                                     options.norm_cfg,
                                                     options.norm_behind, 1)
            self.add_module(self.norm1_name, norm)
            self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)

    @property
    def norm1(self) -> nn.Module:
        return getattr(self, self.norm1_name)

    def init_weights(self) -> None:
        super().init_weights()
        if self.zero_init_residual and not _is_pretrained(self.init_cfg):
            blocks = [m for m in self.modules() if isinstance(m, ResBlock)]
            norms = [block.last_norm for block in blocks]
            inside = [n for n in norms if isinstance(n, NormInside)]
            for norm in norms:
                if norm not in inside:
                    nn.init.zeros_(norm.weight)
            if inside:
                print_log(
                    f'`zero_init_residual` leaves {len(inside)} of '
                    f'{len(blocks)} residual blocks as they are: no norm '
                    'stands behind their last convolution', 'current')

    def forward(self, x: Tensor) -> Tuple[Tensor, ...]:
        if hasattr(self, 'stem'):
            x = self.stem(x)
        else:
            x = self.relu(self.norm1(self.conv1(x)))
        x = self.maxpool(x)
        outs = []
        for i, name in enumerate(self.res_layers):
            x = getattr(self, name)(x)
            if i in self.out_indices:
                outs.append(x)
        return tuple(outs)

    def before_loading(self, state_dict: dict, prefix: str) -> None:
        deep = any(key.startswith(f'{prefix}stem.0.') for key in state_dict)
        if deep and not hasattr(self, 'stem'):
            raise UserError(
                'the checkpoint has the deep stem of a ResNetV1c or V1d and '
                f'{type(self).__name__} a 7x7 one: set `deep_stem=True`, or '
                'take another checkpoint (`pretrained`, `init_cfg`)')
        super().before_loading(state_dict, prefix)

    def up_to(self, stage: int) -> List[nn.Module]:
        stem = [self.stem] if hasattr(self,
                                      'stem') else [self.conv1, self.norm1]
        return stem + [getattr(self, name) for name in self.res_layers[:stage]]


def _init_cfg(
        pretrained: Optional[str],
        init_cfg: Union[dict, List[dict], None]) -> Union[dict, List[dict]]:
    if pretrained and init_cfg:
        raise ValueError(f'`pretrained` (={pretrained!r}) and `init_cfg` '
                         'cannot both be given: keep `init_cfg`')
    if pretrained:
        return dict(type='Pretrained', checkpoint=pretrained)
    return INIT_CFG if init_cfg is None else init_cfg


def _is_pretrained(init_cfg: Union[dict, List[dict]]) -> bool:
    return isinstance(init_cfg, dict) and init_cfg['type'] == 'Pretrained'
