"""RepVGG as a backbone for detection, segmentation and classification."""
from itertools import accumulate
from typing import List, Optional, Sequence, Tuple, Union

from mmcv.cnn import build_conv_layer
from mmengine.model import Sequential
from mmengine.registry import MODELS
from torch import Tensor, nn

from .checks import (check_config, check_flags, check_frozen, check_halves,
                     check_indices)
from .repvgg_arch import architecture
from .repvgg_block import RepVGGBlock
from .rich_backbone import RichBackbone

STEM_CHANNELS = 64  # at most


@MODELS.register_module()
class RepVGGBackbone(RichBackbone):
    """A plain stack of 3x3 convolutions and ReLU, each a RepVGG block.

    Ding et al., RepVGG: Making VGG-style ConvNets Great Again, CVPR 2021,
    section 3.4 and table 2. With ``conv_cfg=dict(type='Conv2d')`` it is the
    deployed net, whose names are those of mmpretrain's
    ``RepVGG(deploy=True)``.

    Args:
        arch: A0, A1, A2, B0, B1, B2 or B3; one of B1 to B3 with g2 or g4
            behind its name, where every second layer has 2 or 4 groups; D2se,
            with squeeze and excitation in front of each ReLU; L2pse, which is
            RepVGGplus, with the same behind each ReLU; or
            dict(num_blocks=..., width_factor=..., groups=..., with_se=...,
            with_post_se=...).
        in_channels: Channels of the image. Defaults to 3.
        base_channels: Channels that ``arch`` multiplies. Defaults to 64.
        out_indices: Stages whose outputs are returned. Defaults to all.
        strides: Stride of each stage's first layer.
        dilations: Dilation of each stage's 3x3 layers. A sequence in place of
            a number lists the dilations of the stage's last layers; those
            before have 1.
        frozen_stages: The stem (0) and the stages up to this one are frozen,
            with everything inside. Defaults to -1, none.
        conv_cfg: The block, in place of the method's own.
        norm_cfg: The batch norm inside the blocks.
        norm_eval: Whether to keep all batch norms in eval mode. Defaults to
            False.
        with_cp: Whether to checkpoint activations. Defaults to False.
        half_indices: Stages whose first half gives an output as well, in
            front of the later outputs; RepVGGplus has an auxiliary classifier
            there. Defaults to none.
        init_cfg: mmengine's config, also ``dict(type='Pretrained', ...)``.

    Shape:
        - Input: (N, in_channels, H, W).
        - Output: a tuple; stage i and its half have (N, C_i, H / 2^(i+2),
          W / 2^(i+2)) with the default strides.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> import mmrep
        >>> net = mmrep.RepVGGBackbone('A0', base_channels=8).eval()
        >>> tuple(net(torch.randn(1, 3, 64, 64))[-1].shape)
        (1, 160, 2, 2)
    """

    block_type = 'RepVGGConv2d'

    def __init__(self,
                 arch: Union[str, dict],
                 in_channels: int = 3,
                 base_channels: int = 64,
                 out_indices: Sequence[int] = (0, 1, 2, 3),
                 strides: Sequence[int] = (2, 2, 2, 2),
                 dilations: Sequence[Union[int, Sequence[int]]] = (1, ) * 4,
                 frozen_stages: int = -1,
                 conv_cfg: Optional[dict] = None,
                 norm_cfg: dict = dict(type='BN'),
                 norm_eval: bool = False,
                 with_cp: bool = False,
                 half_indices: Sequence[int] = (),
                 init_cfg: Union[dict, List[dict], None] = None) -> None:
        super().__init__(init_cfg)
        blocks, factors, groups, *se = architecture(arch)
        _check(strides, dilations, out_indices)
        check_halves(half_indices, blocks)
        check_frozen(frozen_stages, 4)
        check_config('conv_cfg', conv_cfg)
        check_flags(norm_eval=norm_eval, with_cp=with_cp)
        self.out_indices = out_indices
        self.half_indices = half_indices
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        conv_cfg = conv_cfg or dict(type=self.block_type, norm_cfg=norm_cfg)
        if conv_cfg['type'] not in ('Conv', 'Conv2d'):
            conv_cfg = {'bias': False, **conv_cfg}  # norms inside have one

        def block(channels: int, stride: int, dilation: int,
                  groups: int) -> RepVGGBlock:
            nonlocal in_channels
            conv = build_conv_layer(
                conv_cfg,
                in_channels,
                channels,
                3,
                stride=stride,
                padding=dilation,
                dilation=dilation,
                groups=groups)
            in_channels = channels
            return RepVGGBlock(conv, *se, with_cp)

        widths = [int(base_channels * 2**i * f) for i, f in enumerate(factors)]
        self.stem = block(min(STEM_CHANNELS, widths[0]), 2, 1, 1)
        starts = [1, *(1 + n for n in accumulate(blocks))]
        for i, count in enumerate(blocks):
            layers = [
                block(widths[i], 1 if j else strides[i], dilation, 1 if
                      (starts[i] + j) % 2 else groups)
                for j, dilation in enumerate(_per_layer(dilations[i], count))
            ]
            self.add_module(f'stage_{i + 1}', Sequential(*layers))
        self.feat_dim = in_channels
        self._freeze()

    @property
    def stages(self) -> List[nn.Module]:
        return [getattr(self, f'stage_{i + 1}') for i in range(4)]

    def forward(self, x: Tensor) -> Tuple[Tensor, ...]:
        x = self.stem(x)
        outs = []
        for i, stage in enumerate(self.stages):
            if i in self.half_indices:
                x, half = _with_half(stage, x)
                outs.append(half)
            else:
                x = stage(x)
            if i in self.out_indices:
                outs.append(x)
        return tuple(outs)

    def up_to(self, stage: int) -> List[nn.Module]:
        return [self.stem, *self.stages[:stage]]


@MODELS.register_module()
class OREPAVGGBackbone(RepVGGBackbone):
    """A RepVGG whose blocks have an OREPA block in place of their kxk.

    Hu et al., Online Convolutional Re-parameterization, CVPR 2022, section
    4.3. See :class:`RepVGGBackbone` for the arguments.

    Examples:
        >>> import mmrep
        >>> net = mmrep.OREPAVGGBackbone('A0', base_channels=8)
        >>> type(net.stem.branch_reparam.kxk).__name__
        'OREPAConv2d'
    """

    block_type = 'OREPAVGGConv2d'


def _with_half(stage: nn.Module, x: Tensor) -> Tuple[Tensor, Tensor]:
    """The output of a stage and that of the first half of its layers."""
    for i, layer in enumerate(stage, 1):
        x = layer(x)
        if i == len(stage) // 2:
            half = x
    return x, half


def _per_layer(dilation: Union[int, Sequence[int]], layers: int) -> list:
    if isinstance(dilation, int):
        return [dilation] * layers
    if len(dilation) > layers:
        raise ValueError(f'`dilations` has {len(dilation)} entries for a '
                         f'stage of {layers} layers')
    return [1] * (layers - len(dilation)) + list(dilation)


def _check(strides: Sequence, dilations: Sequence,
           out_indices: Sequence[int]) -> None:
    for name, values in (('strides', strides), ('dilations', dilations)):
        if len(values) != 4:
            raise ValueError(f'`{name}` (={tuple(values)}) must have an entry '
                             'for each of 4 stages')
    check_indices(out_indices, 4)
