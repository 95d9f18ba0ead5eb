"""The label of each pixel, as mmseg makes it of a segmentor's logits."""
import torch
from torch import Tensor, nn

from ..errors import UserError


def check_has_labels(model: nn.Module, part: str) -> None:
    """Refuse a net that gives no label for each pixel.

    Args:
        model: The model of a host.
        part: The name of the part to export.

    Raises:
        UserError: The net is no segmentor, it is not whole, or it makes its
            labels in another way.
    """
    if part != 'whole' or not hasattr(model, 'encode_decode'):
        raise UserError(
            '--labels is for a segmentor with --part whole, and the net is of '
            f'type {type(model).__name__}, with --part {part}: leave it out')
    from mmseg.models.segmentors import BaseSegmentor
    kind = type(model)
    if kind.postprocess_result is not BaseSegmentor.postprocess_result:
        raise UserError(f'--labels is for nets of which mmseg makes labels, '
                        f'and a {kind.__name__} has its own way: leave it out')
    if (model.test_cfg or {}).get('mode', 'whole') != 'whole':
        raise UserError(
            '--labels is for nets that see the whole image at once, and '
            f'`mode` (={model.test_cfg.mode!r}) of the `test_cfg` averages '
            "over crops: leave it out, or set mode='whole'")


def labels_of(model: nn.Module, logits: Tensor) -> Tensor:
    """Return the labels (N, H, W) of logits (N, C, H, W).

    A net of one channel has the labels 0 and 1, by the threshold of its head.

    Args:
        model: The segmentor.
        logits: Its logits.
    """
    if int(logits.shape[1]) > 1:
        return logits.argmax(1)
    return (logits[:, 0].sigmoid() > model.decode_head.threshold).long()


def scores_of(model: nn.Module, logits: Tensor) -> Tensor:
    """Return scores (N, L, H, W) of the labels, the best of which is taken.

    They are the logits; a net of one channel has its threshold for label 0
    and the sigmoid of its logit for label 1.

    Args:
        model: The segmentor.
        logits: Its logits (N, C, H, W).
    """
    if logits.shape[1] > 1:
        return logits
    found = logits.sigmoid()
    threshold = torch.full_like(found, model.decode_head.threshold)
    return torch.cat([threshold, found], 1)
