"""Candidates from the maps of dense heads: as mmdet's predict_by_feat.

The maps of a level become (N, P, D): P priors in the order of mmdet, rows,
columns, then anchors of a cell.
"""
from typing import Any, Optional, Sequence

import torch
from torch import Tensor, nn

from .candidates import (Candidates, at, best, join, large_enough, only,
                         smaller, without_overlaps)
from .coders import Size, decode
from .operators import INVALID


def rows(maps: Tensor, width: int) -> Tensor:
    """Return maps (N, A * D, H, W) as (N, H * W * A, D)."""
    return maps.permute(0, 2, 3, 1).reshape(maps.shape[0], -1, width)


def priors_of(head: nn.Module, maps: Sequence[Tensor], **options: Any) -> list:
    """Return the priors (P, D) of each level for maps of any size."""
    return head.prior_generator.grid_priors([m.shape[2:] for m in maps],
                                            dtype=maps[0].dtype,
                                            device=maps[0].device,
                                            **options)


def probabilities(head: nn.Module, logits: Tensor) -> Tensor:
    """Return the scores of all classes but the background."""
    if head.use_sigmoid_cls:
        return logits.sigmoid()
    return logits.softmax(-1)[..., :-1]


def of_least_size(found: Candidates, cfg: Any) -> Candidates:
    """Drop boxes that a test_cfg finds too small."""
    least = cfg.get('min_bbox_size', -1)
    return large_enough(found, least) if least >= 0 else found


def finished(found: Candidates,
             cfg: Any,
             limit: Optional[int] = None) -> Candidates:
    """Suppress overlaps and keep the best boxes.

    Args:
        found: The candidates.
        cfg: The ``test_cfg`` that says how to suppress.
        limit: The number of boxes. Defaults to None: all.
    """
    apart = not cfg.nms.get('class_agnostic', False)
    threshold = cfg.nms.get('iou_threshold', cfg.nms.get('iou_thr'))
    return best(without_overlaps(found, threshold, apart), limit)


def from_maps(head: nn.Module, maps: tuple, size: Size) -> Candidates:
    """Return the boxes of heads that choose the best pairs of each level."""
    classes, deltas, *factors = maps
    factors = factors[0] if factors and factors[0] is not None else [
        None for _ in classes
    ]
    levels = zip(classes, deltas, factors, priors_of(head, classes),
                 head.prior_generator.strides)
    found = join([_level(head, *level, size) for level in levels])
    cfg = head.test_cfg
    return finished(of_least_size(found, cfg), cfg, cfg.get('max_per_img'))


def _level(head: nn.Module, classes: Tensor, deltas: Tensor,
           factors: Optional[Tensor], priors: Tensor, stride: Any,
           size: Size) -> Candidates:
    cfg = head.test_cfg
    scores = probabilities(head, rows(classes, head.cls_out_channels))
    scores = torch.where(scores > cfg.get('score_thr', 0), scores,
                         torch.full_like(scores, INVALID))
    scores, labels, places = best_pairs(scores, cfg.nms_pre)
    deltas = at(rows(deltas, delta_width(head)), places)
    boxes = decoded(head, priors[places], deltas, stride, size)
    found = Candidates(boxes, scores, labels)
    if factors is not None:
        factor = at(rows(factors, 1)[..., 0], places).sigmoid()
        found = only(found._replace(scores=found.scores * factor), found.valid)
    return found


def delta_width(head: nn.Module) -> int:
    """Return how many values of a map describe one box."""
    return 4 * (head.reg_max + 1) if hasattr(head, 'integral') else 4


def decoded(head: nn.Module, priors: Tensor, deltas: Tensor, stride: Any,
            size: Size) -> Tensor:
    """Return the boxes (..., 4) of priors and what a head says about them."""
    if hasattr(head, 'integral'):  # distributions over distances
        deltas = head.integral(deltas).reshape(*deltas.shape[:-1], 4)
        deltas = deltas * stride[0]
        priors = (priors[..., :2] + priors[..., 2:]) / 2
    return decode(head.bbox_coder, priors, deltas, size)


def best_pairs(scores: Tensor, count: int) -> tuple:
    """Return the best pairs of a prior and a class.

    The priors with the best scores are chosen first, which loses no pair, and
    put in order again, so that equal scores keep the order of mmdet's sort.

    Args:
        scores: The scores (N, P, C).
        count: The number of pairs, fewer if there are fewer.

    Returns:
        Scores, classes and priors, each (N, K).
    """
    priors, classes = scores.shape[1:]
    some = smaller(count, priors)
    chosen = scores.max(2).values.topk(some).indices
    chosen = chosen.topk(some, largest=False).values
    scores = at(scores, chosen).flatten(1)
    scores, pairs = scores.topk(smaller(count, some * classes))
    return scores, pairs % classes, at(chosen, pairs // classes)


def from_best_classes(head: nn.Module, maps: tuple, size: Size) -> Candidates:
    """Return the boxes of a YOLOX head, which gives each prior one class."""
    boxes, scores, objectness = boxes_and_objectness(head, maps)
    scores, labels = scores.max(2)
    found = Candidates(boxes, scores * objectness, labels)
    found = only(found, found.scores >= head.test_cfg.score_thr)
    return finished(found, head.test_cfg)


def boxes_and_objectness(head: nn.Module, maps: tuple) -> tuple:
    """Return what a YOLOX head says about all priors.

    Args:
        head: The head.
        maps: What it makes of features.

    Returns:
        The boxes (N, P, 4), the scores of classes (N, P, C) and whether there
        is an object at all (N, P).
    """
    classes, deltas, objectness = (torch.cat(
        [rows(level, width) for level in levels],
        1) for levels, width in zip(maps, (head.cls_out_channels, 4, 1)))
    priors = torch.cat(priors_of(head, maps[0], with_stride=True))
    centre = deltas[..., :2] * priors[:, 2:] + priors[:, :2]
    sides = deltas[..., 2:].exp() * priors[:, 2:]
    boxes = torch.cat([centre - sides / 2, centre + sides / 2], -1)
    return boxes, classes.sigmoid(), objectness[..., 0].sigmoid()
