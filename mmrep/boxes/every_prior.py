"""The boxes of all priors, before thresholds and suppression."""
from typing import Tuple

import torch
from torch import Tensor, nn

from .coders import Size
from .dense import (boxes_and_objectness, decoded, delta_width,
                    from_best_classes, priors_of, probabilities, rows)
from .support import way_of


def dense_head(model: nn.Module) -> nn.Module:
    """Return the head of a detector that has a prediction for each prior.

    This is the region proposal network of a two-stage detector.

    Args:
        model: The detector.

    Returns:
        The head, None if there is no such head.
    """
    proposing = getattr(model, 'rpn_head', None)
    if proposing is not None:
        return proposing
    return getattr(model, 'bbox_head', None)


def boxes_of_priors(head: nn.Module, maps: tuple,
                    size: Size) -> Tuple[Tensor, ...]:
    """Decode the predictions for all priors.

    Args:
        head: A dense head of a known kind.
        maps: What it makes of features.
        size: The height and width of the images in pixels.

    Returns:
        The boxes (N, P, 4), as left, top, right, bottom in pixels, the scores
        (N, P, C) of C classes, and for heads that have them factors (N, P).
        mmdet compares the scores with ``score_thr`` and then multiplies them
        by the factors. YOLOX compares the products, which its scores are here.

    Raises:
        UserError: The head is not supported.
    """
    if way_of(head) is from_best_classes:
        boxes, scores, objectness = boxes_and_objectness(head, maps)
        return boxes, scores * objectness[..., None]
    classes, deltas, *factors = maps
    found = [(decoded(head, priors, rows(delta, delta_width(head)), stride,
                      size),
              probabilities(head, rows(level, head.cls_out_channels)))
             for level, delta, priors, stride in zip(
                 classes, deltas, priors_of(head, classes),
                 head.prior_generator.strides)]
    joined = tuple(torch.cat(each, 1) for each in zip(*found))
    if not factors or factors[0] is None:
        return joined
    factors = [rows(level, 1)[..., 0].sigmoid() for level in factors[0]]
    return (*joined, torch.cat(factors, 1))
