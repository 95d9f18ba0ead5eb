"""Classifiers in the middle of a net, which take part in training only."""
from typing import List, Optional, Sequence, Tuple

from mmcv.cnn import build_norm_layer
from mmpretrain.models.heads import LinearClsHead
from torch import Tensor, nn

from ..backbones.checks import check_config
from ..errors import UserError, shown
from ..layers.geometry import is_number, is_whole


class AuxiliaryClassifier(nn.Module):
    """``fc(mean(relu(norm(conv(x)))))`` with a 3x3 convolution of stride 2.

    Args:
        channels: Channels of the features.
        num_classes: Number of classes.
        norm_cfg: Config of the norm.
    """

    def __init__(self, channels: int, num_classes: int,
                 norm_cfg: dict) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, 2, 1, bias=False)
        self.bn = build_norm_layer(norm_cfg, channels)[1]
        self.relu = nn.ReLU(inplace=True)
        self.fc = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.relu(self.bn(self.conv(x))).mean((2, 3)))


class AuxiliaryClsHead(LinearClsHead):
    """A linear classifier, in training with others on earlier features.

    RepVGGplus (Ding, 2022, the official repository): the loss is that of the
    classifier and a tenth of each auxiliary one's. Only the classifier
    predicts, and a fused net has no other. Features come as maps, and the head
    pools the last one, so that the model has no neck.

    Args:
        num_classes: Number of classes.
        in_channels: Channels of the last features.
        aux_channels: Channels of each of the features in front of them, in
            their order. Defaults to none, as in a fused net.
        aux_loss_weight: Factor of each auxiliary loss. Defaults to 0.1.
        norm_cfg: Config of the norms of auxiliary classifiers. Defaults to
            dict(type='BN').
        kwargs: Further arguments of mmpretrain's ``LinearClsHead``.

    Raises:
        UserError: Channels are no whole numbers, or the factor is no number.

    Examples:
        >>> import torch
        >>> from mmrep.heads.auxiliary import AuxiliaryClsHead
        >>> head = AuxiliaryClsHead(10, in_channels=32, aux_channels=(8, ))
        >>> maps = torch.randn(2, 8, 8, 8), torch.randn(2, 32, 4, 4)
        >>> tuple(head(maps).shape), len(head.forward_auxiliary(maps))
        ((2, 10), 1)
    """

    training_only = ('auxiliary', )

    def __init__(self,
                 num_classes: int,
                 in_channels: int,
                 aux_channels: Sequence[int] = (),
                 aux_loss_weight: float = 0.1,
                 norm_cfg: dict = dict(type='BN'),
                 **kwargs) -> None:
        super().__init__(num_classes, in_channels, **kwargs)
        _check(aux_channels, aux_loss_weight)
        check_config('norm_cfg', norm_cfg, optional=False)
        self.aux_loss_weight = aux_loss_weight
        self.auxiliary: Optional[nn.ModuleList] = None
        if aux_channels:
            self.auxiliary = nn.ModuleList(
                AuxiliaryClassifier(channels, num_classes, norm_cfg)
                for channels in aux_channels)

    def pre_logits(self, feats: Tuple[Tensor, ...]) -> Tensor:
        """Pool the last features."""
        last = feats[-1]
        return last.mean((2, 3)) if last.dim() == 4 else last

    def forward_auxiliary(self, feats: Tuple[Tensor, ...]) -> List[Tensor]:
        """The scores of the auxiliary classifiers.

        Raises:
            UserError: The number of maps in front of the last one is another,
                or they have other channels.
        """
        classifiers = self.auxiliary or ()
        if not classifiers:
            return []
        maps = [feature for feature in feats[:-1] if feature.dim() == 4]
        if len(maps) != len(classifiers):
            raise UserError(
                f'AuxiliaryClsHead has {len(classifiers)} `aux_channels` and '
                f'gets {len(maps)} maps in front of the last features: let '
                "the backbone's `out_indices` and `half_indices` give one for "
                'each, and set `neck=None`')
        channels = tuple(x.size(1) for x in maps)
        wanted = tuple(each.conv.in_channels for each in classifiers)
        if channels != wanted:
            raise UserError(f'`aux_channels` (={wanted}) of AuxiliaryClsHead '
                            'must be those of the maps in front of the last '
                            f'features, which are {channels}')
        return [each(x) for each, x in zip(classifiers, maps)]

    def loss(self, feats: Tuple[Tensor, ...], data_samples: list,
             **kwargs) -> dict:
        """The main loss, and the weighted auxiliary losses by their index."""
        losses = super().loss(feats, data_samples, **kwargs)
        for i, scores in enumerate(self.forward_auxiliary(feats)):
            loss = self._get_loss(scores, data_samples, **kwargs)['loss']
            losses[f'loss_aux_{i}'] = self.aux_loss_weight * loss
        return losses


def _check(aux_channels: Sequence[int], aux_loss_weight: float) -> None:
    if not isinstance(aux_channels, (tuple, list)) or not all(
            is_whole(channels) and channels > 0 for channels in aux_channels):
        raise UserError(f'`aux_channels` (={shown(aux_channels)}) must be a '
                        'sequence of whole numbers above 0')
    if not is_number(aux_loss_weight) or aux_loss_weight < 0:
        raise UserError(f'`aux_loss_weight` (={shown(aux_loss_weight)}) must '
                        'be a finite number, at least 0')
