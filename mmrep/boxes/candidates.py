"""Boxes that may be objects, as tensors of a fixed number for each image."""
from typing import NamedTuple, Union

import torch
from torch import Tensor

from .operators import INVALID, suppress

Count = Union[int, Tensor]  # a tensor while a net is traced


class Candidates(NamedTuple):
    """Boxes of N images, K each; those whose score is INVALID are none.

    Attributes:
        boxes: The boxes (N, K, 4), as left, top, right, bottom in pixels.
        scores: Their scores (N, K).
        labels: Their classes (N, K).
    """

    boxes: Tensor
    scores: Tensor
    labels: Tensor

    @property
    def valid(self) -> Tensor:
        return self.scores > INVALID / 2


def join(parts: list) -> Candidates:
    """Return the candidates of several levels as one."""
    return Candidates(*(torch.cat(each, 1) for each in zip(*parts)))


def smaller(limit: int, count: Count) -> Count:
    """Return the smaller of two numbers, also while a net is traced."""
    if isinstance(count, Tensor):
        return torch.minimum(count, torch.tensor(limit))
    return min(limit, count)


def at(values: Tensor, places: Tensor) -> Tensor:
    """Return values (N, P) or (N, P, D) at places (N, K) of each image."""
    if values.dim() == 3:
        places = places[..., None].expand(-1, -1, values.shape[2])
    return values.gather(1, places)


def only(found: Candidates, where: Tensor) -> Candidates:
    """Return candidates that are none where a mask is False."""
    scores = found.scores
    return found._replace(
        scores=torch.where(where, scores, torch.full_like(scores, INVALID)))


def large_enough(found: Candidates, least: float) -> Candidates:
    """Return candidates without those that are not wider and higher."""
    sides = found.boxes[..., 2:] - found.boxes[..., :2]
    return only(found, (sides > least).all(-1))


def without_overlaps(found: Candidates, threshold: float,
                     apart: bool) -> Candidates:
    """Suppress candidates that overlap with better ones.

    Args:
        found: The candidates.
        threshold: The IoU above which one goes.
        apart: True if those of other classes do not count. They are shifted
            beyond each other, with mmcv's arithmetic, so that the IoU is
            rounded alike.
    """
    boxes = found.boxes
    if apart:
        inside = torch.where(found.valid[..., None], boxes,
                             torch.zeros_like(boxes))
        beyond = inside.flatten(1).max(1).values[:, None] + 1
        boxes = boxes + (found.labels.to(boxes.dtype) * beyond)[..., None]
    return only(found, suppress(boxes, found.scores, threshold))


def best(found: Candidates, count: int) -> Candidates:
    """Return as many candidates, best first, filled up with some that are
    none."""
    boxes, scores, labels = found
    images = scores.shape[0]
    scores = torch.cat([scores, scores.new_full((images, count), INVALID)], 1)
    boxes = torch.cat([boxes, boxes.new_zeros(images, count, 4)], 1)
    labels = torch.cat([labels, labels.new_zeros(images, count)], 1)
    scores, places = scores.topk(count)
    return Candidates(at(boxes, places), scores, at(labels, places))
