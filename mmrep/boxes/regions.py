"""Two-stage detectors: proposals, and boxes from features pooled in them."""
from typing import Any, Sequence

import torch
from torch import Tensor, nn

from .candidates import Candidates, at, join, smaller
from .coders import Size, decode
from .dense import finished, of_least_size, priors_of, probabilities, rows
from .operators import INVALID, pool_regions


def proposals(head: nn.Module, maps: tuple, size: Size) -> Candidates:
    """Return the boxes of a region proposal network, best first.

    Levels take the place of classes: boxes of two levels do not suppress each
    other.
    """
    levels = zip(*maps, priors_of(head, maps[0]))
    found = join(
        [_level(head, i, *level, size) for i, level in enumerate(levels)])
    found = of_least_size(found, head.test_cfg)
    return finished(found, head.test_cfg, head.test_cfg.get('max_per_img'))


def _level(head: nn.Module, number: int, classes: Tensor, deltas: Tensor,
           priors: Tensor, size: Size) -> Candidates:
    scores = probabilities(head, rows(classes, head.cls_out_channels))[..., 0]
    deltas, count = rows(deltas, 4), head.test_cfg.get('nms_pre', -1)
    count = smaller(count, scores.shape[1]) if count > 0 else scores.shape[1]
    scores, places = scores.topk(count)
    boxes = decode(head.bbox_coder, priors[places], at(deltas, places), size)
    return Candidates(boxes, scores, torch.full_like(places, number))


def from_regions(head: nn.Module, features: Sequence[Tensor],
                 found: Candidates, size: Size) -> Candidates:
    """Return the boxes that a region head makes of proposals.

    Proposals that are none take no time: the head computes those alone that
    are assigned to a level of the features.

    Args:
        head: A ``StandardRoIHead`` without masks.
        features: The levels of the neck.
        found: The proposals.
        size: The height and width of the images in pixels.
    """
    regions, places = _regions(head.bbox_roi_extractor, features, found)
    pooled = torch.cat([
        _pool(head.bbox_roi_extractor.roi_layers[i], features[i], regions[own])
        for i, own in enumerate(places)
    ])
    places = torch.cat(places)
    logits, deltas = head.bbox_head(pooled)
    boxes, scores = _decoded(head.bbox_head, regions[places], logits, deltas,
                             size)
    scores = torch.where(scores > head.test_cfg.score_thr, scores,
                         torch.full_like(scores, INVALID))
    found = _by_image(boxes, scores, places, found.scores.shape)
    return finished(found, head.test_cfg, head.test_cfg.get('max_per_img'))


def _regions(extractor: nn.Module, features: Sequence[Tensor],
             found: Candidates) -> tuple:
    """Return all proposals as (R, 5), and the places of each level's own."""
    images = torch.arange(found.scores.shape[0], device=found.boxes.device)
    images = images.to(found.boxes.dtype)[:, None].expand_as(found.scores)
    regions = torch.cat([images[..., None], found.boxes], 2).flatten(0, 1)
    levels = extractor.num_inputs
    level = extractor.map_roi_levels(regions, levels)
    level = torch.where(found.valid.flatten(), level,
                        torch.full_like(level, levels))
    return regions, [
        torch.nonzero(level == i, as_tuple=True)[0] for i in range(levels)
    ]


def _pool(layer: nn.Module, feature: Tensor, regions: Tensor) -> Tensor:
    return pool_regions(feature, regions, layer.output_size,
                        layer.spatial_scale, layer.sampling_ratio,
                        layer.aligned)


def _decoded(head: nn.Module, regions: Tensor, logits: Tensor, deltas: Tensor,
             size: Size) -> tuple:
    """Return boxes (R, C or 1, 4) and scores (R, C)."""
    scores = logits.softmax(-1)[:, :-1]
    # no -1 but the first, or no region would have no shape
    own = 1 if head.reg_class_agnostic else head.num_classes
    deltas = deltas.reshape(-1, own, 4)
    boxes = decode(head.bbox_coder, regions[:, None, 1:], deltas, size)
    return boxes.expand(-1, head.num_classes, 4), scores


def _by_image(boxes: Tensor, scores: Tensor, places: Tensor,
              shape: Any) -> Candidates:
    """Return the pairs of a proposal and a class as candidates, by image."""
    images, count = shape
    classes = scores.shape[1]
    all_scores = scores.new_full((images * count, classes), INVALID)
    all_boxes = boxes.new_zeros(images * count, classes, 4)
    all_scores = all_scores.index_put((places, ), scores)
    all_boxes = all_boxes.index_put((places, ), boxes)
    labels = torch.arange(
        classes, device=boxes.device).expand(images, count, classes)
    return Candidates(
        all_boxes.reshape(images, -1, 4), all_scores.reshape(images, -1),
        labels.reshape(images, -1))
