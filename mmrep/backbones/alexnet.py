"""AlexNet with norms, whose spatial convolutions may be blocks."""
from typing import List, Optional, Tuple, Union

from mmengine.registry import MODELS
from torch import Tensor, nn

from ..arguments import check_whole
from .checks import check_config, check_flags
from .conv_norm import INIT_CFG, check_norm_behind, conv_norm_relu
from .rich_backbone import RichBackbone

# width (times the first one's channels), kernel, stride, padding, pooled
LAYERS = ((1, 11, 4, 2, True), (3, 5, 1, 2, True), (6, 3, 1, 1, False),
          (6, 3, 1, 1, False), (4, 3, 1, 1, True))
SIZE = 6  # pixels of the last map, for an image of 224 pixels
HIDDEN = 64  # times the first convolution's channels


@MODELS.register_module()
class AlexNetBN(RichBackbone):
    """Five convolutions, each with a norm, and three linear layers.

    Krizhevsky et al., ImageNet Classification with Deep Convolutional Neural
    Networks, 2012, on one GPU and with batch norms in place of response
    normalisation, as DBB's authors have it (Ding et al., CVPR 2021). A block
    as ``conv_cfg`` replaces the 5x5 and the 3x3; the 11x11 stays plain.

    Args:
        num_classes: Classes of the linear layers at the end, as in
            mmpretrain's ``AlexNet``; -1 leaves them out. Defaults to -1.
        in_channels: Channels of the image. Defaults to 3.
        base_channels: Channels of the first convolution. Defaults to 64.
        conv_cfg: The block. Defaults to a plain convolution.
        norm_cfg: The norm after each conv. Defaults to dict(type='BN').
        norm_behind: Whether a norm stands behind a block that ends in norms of
            its own, such as ``DBBConv2d``. Defaults to True; False builds the
            net that DBB's authors train.
        norm_eval: Whether to keep all batch norms in eval mode. Defaults to
            False.
        init_cfg: mmengine's config, also ``dict(type='Pretrained', ...)``.

    Shape:
        - Input: (N, in_channels, H, W).
        - Output: a tuple of one tensor, (N, num_classes), or without linear
          layers (N, 4 base_channels, 6, 6) for images of 224 pixels.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> import mmrep
        >>> dbb = dict(type='DBBConv2d')
        >>> net = mmrep.AlexNetBN(base_channels=4, conv_cfg=dbb).eval()
        >>> tuple(net(torch.randn(1, 3, 224, 224))[0].shape)
        (1, 16, 6, 6)
    """

    def __init__(self,
                 num_classes: int = -1,
                 in_channels: int = 3,
                 base_channels: int = 64,
                 conv_cfg: Optional[dict] = None,
                 norm_cfg: dict = dict(type='BN'),
                 norm_behind: bool = True,
                 norm_eval: bool = False,
                 init_cfg: Union[dict, List[dict], None] = None) -> None:
        super().__init__(INIT_CFG if init_cfg is None else init_cfg)
        check_whole('num_classes', num_classes, least=-1)
        check_whole('base_channels', base_channels, least=1)
        check_config('conv_cfg', conv_cfg)
        check_config('norm_cfg', norm_cfg, optional=False)
        check_flags(norm_behind=norm_behind, norm_eval=norm_eval)
        self.norm_eval = norm_eval
        self.pool = nn.MaxPool2d(3, stride=2)
        for i, (width, size, stride, padding, _) in enumerate(LAYERS, 1):
            layer = conv_norm_relu(
                None if i == 1 else conv_cfg,
                norm_cfg,
                norm_behind,
                in_channels,
                width * base_channels,
                size,
                stride=stride,
                padding=padding)
            self.add_module(f'conv{i}', layer)
            in_channels = width * base_channels
        self.feat_dim = in_channels
        self.classifier = _classifier(in_channels, HIDDEN * base_channels,
                                      num_classes)
        check_norm_behind(self, norm_behind)

    def forward(self, x: Tensor) -> Tuple[Tensor]:
        for i, (*_, pooled) in enumerate(LAYERS, 1):
            x = getattr(self, f'conv{i}')(x)
            if pooled:
                x = self.pool(x)
        return (x if self.classifier is None else self.classifier(x), )


def _classifier(channels: int, hidden: int,
                num_classes: int) -> Optional[nn.Sequential]:
    """The linear layers, behind a pooling to the map of a 224-pixel image."""
    if num_classes < 1:
        return None
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(SIZE), nn.Flatten(),
        nn.Linear(channels * SIZE**2, hidden), nn.ReLU(inplace=True),
        nn.Dropout(), nn.Linear(hidden, hidden), nn.ReLU(inplace=True),
        nn.Dropout(), nn.Linear(hidden, num_classes))
